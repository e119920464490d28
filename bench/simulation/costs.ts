/** What one thing costs a mirror, as measured on a machine: bench/simulation/measured.json. */
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { z } from 'zod'

const FILE = path.join(import.meta.dirname, 'measured.json')
const positive = z.number().positive()

const schema = z.strictObject({
  machine: z.string(),
  node: z.string(),
  /** Day of the measurement. */
  day: z.iso.date(),
  /** Milliseconds of CPU, of all threads. */
  cpu: z.strictObject({
    packument: positive,
    largePackument: positive,
    notModified: positive,
    /** Of an uplink that says nothing has changed. */
    revalidation: positive,
    tarball: positive,
    /** Beyond the first 100 KB. */
    tarballMegabyte: positive,
    coldPackument: positive,
    coldTarball: positive,
    coldTarballMegabyte: positive,
    provenance: positive,
    publish: positive,
  }),
  /** Bytes on disk. */
  disk: z.strictObject({
    /** Of the ledger and of facts, for a version that a packument lists. */
    listedVersion: positive,
    /** Of the cache, for a packument. */
    packument: positive,
    /** Of the cache beside the tarball's own bytes, and of the ledger and facts. */
    tarball: positive,
    decision: positive,
  }),
  /** Of a mirror whose ledger, facts and decisions are in PostgreSQL. */
  shared: z.strictObject({
    coldPackument: positive,
    coldTarball: positive,
    tarball: positive,
    /** Bytes in PostgreSQL. */
    disk: z.strictObject({ listedVersion: positive, tarball: positive, decision: positive }),
  }),
  /** Bytes. */
  memory: z.strictObject({ started: positive, loaded: positive, packument: positive }),
  /** From the start of the process until it is ready. */
  startSeconds: positive,
})

export type Costs = z.output<typeof schema>

export const readCosts = (): Costs => schema.parse(JSON.parse(readFileSync(FILE, 'utf8')))
export const writeCosts = (costs: Costs): void => { writeFileSync(FILE, `${JSON.stringify(schema.parse(costs), undefined, 2)}\n`) }
