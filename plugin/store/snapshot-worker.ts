import { parentPort, workerData } from 'node:worker_threads'
import { copyLedger } from './ledger-copy.ts'

/** Copies a ledger's file as it is now, off the event loop. */
const { from, to } = workerData as { readonly from: string; readonly to: string }
copyLedger(from, to)
parentPort?.postMessage('copied')
