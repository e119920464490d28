import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { isObject, ownString } from '../domain/json.ts'
import { parseStrictJson } from '../domain/strict-json.ts'
import type { Nothing } from './messages.ts'
import type { StoredChain, StoredCheckpoint, StoredEntry } from './store.ts'
import type { ChainSource, RawEntry } from './verify.ts'

/** What a store answers with, for those who verify it. */
export interface AskableLog {
  ask(call: 'chains', parameters: Nothing): Promise<readonly StoredChain[]>
  ask(call: 'entries', parameters: { readonly log: string; readonly after: number; readonly limit: number }): Promise<readonly StoredEntry[]>
  ask(call: 'checkpoints', parameters: { readonly log: string }): Promise<readonly StoredCheckpoint[]>
}

const PAGE = 1000

/** Every chain of a store, each as it stands at this moment: what is written meanwhile is another time's matter. */
export async function storeSource(store: AskableLog): Promise<readonly ChainSource[]> {
  const chains = await store.ask('chains', {})
  return Promise.all(
    chains.map(async (head) => {
      const { log } = head
      const checkpoints = (await store.ask('checkpoints', { log })).filter(({ sequence }) => sequence <= head.sequence)
      return { log, head, envelopes: checkpoints.map(({ envelope }) => envelope), entries: () => storedEntries(store, head) }
    }),
  )
}

async function* storedEntries(store: AskableLog, { log, sequence: head }: StoredChain): AsyncGenerator<RawEntry> {
  for (let after = -1; ; ) {
    const page = await store.ask('entries', { log, after, limit: PAGE })
    for (const { body, hash, sequence, columns } of page) {
      if (sequence > head) return
      yield { value: valueOf(body, hash), columns }
    }
    const last = page.at(-1)
    if (last === undefined) return
    after = last.sequence
  }
}

function valueOf(body: string, hash: string): unknown {
  try {
    const value: unknown = parseStrictJson(Buffer.from(body))
    return isObject(value) ? { ...value, hash } : undefined
  } catch {
    return undefined
  }
}

/** An export, or the JSON Lines that a mirror writes: each log in it. Read twice, since checkpoints stand behind what they are of. */
export async function fileSource(file: string): Promise<readonly ChainSource[]> {
  const [envelopes, logs] = [new Map<string, string[]>(), new Set<string>()]
  for await (const value of linesOf(file)) {
    const log = logOf(value)
    if (log === undefined) continue
    logs.add(log)
    if (isEnvelope(value)) envelopes.set(log, [...(envelopes.get(log) ?? []), JSON.stringify(value)])
  }
  return [...logs].map((log) => ({
    log,
    head: undefined,
    envelopes: envelopes.get(log) ?? [],
    entries: async function* () {
      for await (const value of linesOf(file)) if (!isEnvelope(value) && (value === undefined || logOf(value) === log)) yield { value }
    },
  }))
}

async function* linesOf(file: string): AsyncGenerator {
  for await (const line of createInterface({ input: createReadStream(file, 'utf8'), crlfDelay: Infinity })) {
    if (line === '') continue
    let value: unknown
    try {
      value = parseStrictJson(Buffer.from(line))
    } catch {
      value = undefined
    }
    yield value
  }
}

const isEnvelope = (value: unknown): boolean => isObject(value) && ownString(value, 'payloadType') !== undefined

function logOf(value: unknown): string | undefined {
  if (!isObject(value)) return undefined
  if (!isEnvelope(value)) return ownString(value, 'log')
  try {
    const said = parseStrictJson(Buffer.from(ownString(value, 'payload') ?? '', 'base64'))
    return isObject(said) ? ownString(said, 'log') : undefined
  } catch {
    return undefined
  }
}
