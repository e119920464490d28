import { isObject, type Json } from '../domain/json.ts'
import { Unavailable } from '../domain/errors.ts'
import type { SqliteLedger } from './ledger.ts'

/**
 * What can be done to a ledger, by name: mirrors that share one do the same in the same order, each to its copy. A name and what it is
 * given are written down for good and read by other versions of this program: a change of what one does is a new name.
 */
const OPERATIONS = {
  sight: (ledger, ...given: Parameters<SqliteLedger['sight']>) => { ledger.sight(...given) },
  record: (ledger, ...given: Parameters<SqliteLedger['record']>) => { ledger.record(...given) },
  setSigns: (ledger, ...given: Parameters<SqliteLedger['setSigns']>) => { ledger.setSigns(...given) },
  setOrigin: (ledger, ...given: Parameters<SqliteLedger['setOrigin']>) => ledger.setOrigin(...given),
  reset: (ledger, ...given: Parameters<SqliteLedger['reset']>) => ledger.reset(...given),
  pinKeys: (ledger, ...given: Parameters<SqliteLedger['pinKeys']>) => ledger.pinKeys(...given),
  keepEvidence: (ledger, ...given: Parameters<SqliteLedger['keepEvidence']>) => { ledger.keepEvidence(...given) },
  setMaintainers: (ledger, ...given: Parameters<SqliteLedger['setMaintainers']>) => { ledger.setMaintainers(...given) },
  addPins: (ledger, ...given: Parameters<SqliteLedger['identities']['add']>) => { ledger.identities.add(...given) },
  noteChanges: (ledger, ...given: Parameters<SqliteLedger['identities']['noteChanges']>) => ledger.identities.noteChanges(...given),
  decidePin: (ledger, ...given: Parameters<SqliteLedger['identities']['decide']>) => { ledger.identities.decide(...given) },
  addRecall: (ledger, ...given: Parameters<SqliteLedger['recalls']['add']>) => ledger.recalls.add(...given),
  liftRecall: (ledger, ...given: Parameters<SqliteLedger['recalls']['lift']>) => ledger.recalls.lift(...given),
  noteImport: (ledger, ...given: Parameters<SqliteLedger['imports']['note']>) => { ledger.imports.note(...given) },
  publishPolicy: (ledger, ...given: Parameters<SqliteLedger['policies']['add']>) => { ledger.policies.add(...given) },
} satisfies Readonly<Record<string, (ledger: SqliteLedger, ...given: never[]) => unknown>>

export type OperationName = keyof typeof OPERATIONS
type Rest<Run> = Run extends (ledger: SqliteLedger, ...given: infer Given) => unknown ? Given : never
export type Given<Name extends OperationName> = Rest<(typeof OPERATIONS)[Name]>
export type Result<Name extends OperationName> = ReturnType<(typeof OPERATIONS)[Name]>

export interface Operation<Name extends OperationName = OperationName> {
  readonly do: Name
  readonly with: Given<Name>
}

/** An operation that this version does not know: what it says would be missing here for good. */
export class UnknownOperation extends Error {
  override readonly name = 'UnknownOperation'
}

export function apply<Name extends OperationName>(ledger: SqliteLedger, operation: Operation<Name>): Result<Name> {
  const run = OPERATIONS[operation.do] as unknown as (ledger: SqliteLedger, ...given: readonly unknown[]) => Result<Name>
  return run(ledger, ...operation.with)
}

/** What the ledger says no to, it says no to everywhere; anything else is a fault of this machine. */
export const isRefusedEverywhere = (error: unknown): boolean => error instanceof Unavailable

/** Of which package; undefined where it may be about any. */
export function packageOf(operation: Operation): readonly [registry: string | undefined, name: string] | undefined {
  switch (operation.do) {
    case 'sight':
    case 'record':
    case 'addPins':
    case 'noteChanges':
    case 'noteImport':
      return operation.with.slice(0, 2) as [string, string]
    case 'setOrigin': {
      const [name, registry] = operation.with as Given<'setOrigin'>
      return [registry, name]
    }
    case 'decidePin': {
      const [{ registry, name }] = operation.with as Given<'decidePin'>
      return [registry, name]
    }
    case 'reset':
    case 'addRecall':
      return [undefined, (operation.with as Given<'reset' | 'addRecall'>)[0].name]
    case 'setSigns':
    case 'pinKeys':
    case 'keepEvidence':
    case 'setMaintainers':
    case 'liftRecall':
    case 'publishPolicy':
      return undefined
  }
}

/** JSON, with what JSON has no words for behind a name of its own; such names of others are put behind it too. */
export const encodeOperation = (operation: Operation): string => JSON.stringify([operation.do, ...operation.with.map(encoded)])

/** @throws UnknownOperation */
export function decodeOperation(body: string): Operation {
  const read = JSON.parse(body) as Json
  if (!Array.isArray(read)) throw new UnknownOperation('an operation of the shared ledger is none')
  const [name, ...given] = read as readonly Json[]
  if (typeof name !== 'string' || !Object.hasOwn(OPERATIONS, name)) throw new UnknownOperation(`the shared ledger has an operation that this version does not know: ${typeof name === 'string' ? name.slice(0, 40) : 'none'}`)
  return { do: name as OperationName, with: given.map(decoded) as Given<OperationName> }
}

const TAG = '$'

function encoded(value: unknown): unknown {
  if (value === undefined) return { [TAG]: 'undefined' }
  if (value instanceof Date) return { [TAG]: 'date', of: value.getTime() }
  if (value instanceof Uint8Array) return { [TAG]: 'bytes', of: Buffer.from(value).toString('base64') }
  if (value instanceof Map) return { [TAG]: 'map', of: [...(value as ReadonlyMap<unknown, unknown>)].map(encoded) }
  if (Array.isArray(value)) return value.map(encoded)
  if (value === null || typeof value !== 'object') return value
  const entries = Object.entries(value).map(([key, one]): [string, unknown] => [key, encoded(one)])
  return Object.hasOwn(value, TAG) ? { [TAG]: 'object', of: entries } : Object.fromEntries(entries)
}

function decoded(value: Json): unknown {
  if (Array.isArray(value)) return (value as readonly Json[]).map(decoded)
  if (!isObject(value)) return value
  const { [TAG]: tag, of } = value
  switch (Object.hasOwn(value, TAG) ? tag : 'plain') {
    case 'undefined':
      return undefined
    case 'date':
      return new Date(Number(of))
    case 'bytes':
      return new Uint8Array(Buffer.from(of as string, 'base64'))
    case 'map':
      return new Map(decoded(of as Json) as readonly [unknown, unknown][])
    case 'object':
      return Object.fromEntries((of as readonly [string, Json][]).map(([key, one]) => [key, decoded(one)]))
    default:
      return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, decoded(one ?? null)]))
  }
}
