/**
 * Writes through the real stores and stops for good in the middle of a write: `killed-writer.ts <dir> <n>` announces the n-th
 * point on stdout and blocks there until it is killed; with 0 it comes to its end and leaves a copy of the directory as it was at
 * each point in `<dir>.at/<n>`, which is what a SIGKILL there would have left. A call that changes a file or the database has a point before it (which
 * is after the one before); one that writes bytes has a second, with half of them written.
 *
 * What a store has promised is printed as it is promised (`ledger 1.0.0`, `done` at the end): what is printed must survive.
 */
import fs, { writeSync } from 'node:fs'
import fsp, { type FileHandle } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import path from 'node:path'
import { DatabaseSync, StatementSync } from 'node:sqlite'
import { LEDGER_STEPS, OTHER_TARBALL, PACKUMENTS, TARBALL, DOCUMENT, WHEN, factsOf, openStores, sha512Of } from './killed-stores.ts'

const [dir = '', stop = '0'] = process.argv.slice(2)
let points = 0
let armed = false

const say = (line: string): void => {
  writeSync(1, `${line}\n`)
}

/** The n-th call of this is where the process waits to be killed. */
function point(where: string): void {
  if (!armed) return
  points++
  if (stop === '0') {
    fs.cpSync(dir, path.join(`${dir}.at`, String(points)), { recursive: true })
    say(`point ${String(points)} ${where}`)
  }
  if (points !== Number(stop)) return
  say(`at ${where}`)
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
}

type Call = (this: unknown, ...args: unknown[]) => unknown

/** Writes the first half of what a call is about to write, and returns what takes it back where the call needs that. */
type Half = (self: unknown, args: readonly unknown[]) => (() => void) | undefined

function wrap(owner: object, method: string, half?: Half): void {
  const target = owner as Record<string, Call>
  const original = target[method]
  if (original === undefined) throw new Error(`no ${method} to wrap`)
  target[method] = function (this: unknown, ...args: unknown[]): unknown {
    point(`before ${method}`)
    if (half !== undefined && armed) {
      const undo = half(this, args)
      point(`inside ${method}`)
      undo?.()
    }
    return Reflect.apply(original, this, args)
  }
}

const bytesOf = (value: unknown): Uint8Array => (typeof value === 'string' ? Buffer.from(value) : (value as Uint8Array))
const firstHalf = (value: unknown): Uint8Array => bytesOf(value).subarray(0, Math.floor(bytesOf(value).byteLength / 2))
/**
 * Where the call itself writes: a text at the place it is given, bytes at the end. At a position, which moves nothing. Of a text
 * that replaces another only the first characters: cut within its time, it would be a time that never was.
 */
const halfToHandle: Half = (self, [bytes, place]) => {
  const { fd } = self as FileHandle
  if (typeof bytes === 'string' && typeof place === 'number') writeSync(fd, Buffer.from(bytes.slice(0, 9)), 0, undefined, place)
  else writeSync(fd, firstHalf(bytes), 0, undefined, fs.fstatSync(fd).size)
  return undefined
}
const halfOfFile: Half = (_self, [file, bytes]) => {
  fs.writeFileSync(file as string, firstHalf(bytes))
  return () => { fs.rmSync(file as string) }
}

/** Not by the function that is wrapped. */
const halfOfFileAtOnce: Half = (_self, [file, bytes]) => {
  const fd = fs.openSync(file as string, 'wx')
  writeSync(fd, firstHalf(bytes))
  fs.closeSync(fd)
  return () => { fs.rmSync(file as string) }
}

async function wrapAll(): Promise<void> {
  for (const method of ['rename', 'rm']) wrap(fsp, method)
  wrap(fsp, 'writeFile', halfOfFile)
  wrap(fs, 'renameSync')
  wrap(fs, 'writeFileSync', halfOfFileAtOnce)
  const probe = await fsp.open(process.execPath, 'r')
  const handles = Object.getPrototypeOf(probe) as object
  await probe.close()
  wrap(handles, 'sync')
  wrap(handles, 'writeFile', halfToHandle)
  wrap(handles, 'write', halfToHandle)
  wrap(DatabaseSync.prototype, 'exec')
  wrap(StatementSync.prototype, 'run')
  syncBuiltinESMExports()
}

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  const middle = Math.floor(bytes.byteLength / 2)
  yield bytes.subarray(0, middle)
  await Promise.resolve()
  yield bytes.subarray(middle)
}

await wrapAll()
const { ledger, bytes, facts, packuments } = await openStores(dir)
armed = true

for (const { label, write } of LEDGER_STEPS) {
  write(ledger)
  say(`ledger ${label}`)
}
await bytes.put(DOCUMENT)
say('document')
await bytes.ingest(pieces(TARBALL), sha512Of(TARBALL))
say('tarball')
// A lie: these bytes are not what the name promises.
await bytes.ingest(pieces(OTHER_TARBALL), sha512Of(Buffer.from('promised'))).then(
  () => { throw new Error('wrong bytes were taken') },
  () => { say('refused') },
)
await facts.add('scope', factsOf('first'))
await facts.add('scope', factsOf('second'))
say('facts')
for (const { known, wire } of PACKUMENTS) await packuments.store(known, wire)
say('packument')
await packuments.confirm({ ...PACKUMENTS[1].known, confirmedAt: WHEN.confirmed })
say('confirmed')
armed = false
await facts.close()
await bytes.close()
ledger.close()
say(`done ${String(points)} in ${path.basename(dir)}`)
