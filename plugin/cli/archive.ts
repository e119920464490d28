import { readFileSync } from 'node:fs'
import path from 'node:path'
import { printable } from '../check/index.ts'
import { ArchiveError, exportArchive, ImportRunning, importArchive, type ExportReport, type ImportReport } from '../compose-archive.ts'
import { takeOver } from '../config/take-over.ts'
import { readYaml } from '../config/yaml.ts'
import { messageOf } from '../domain/errors.ts'
import { specOf, type PackageRef } from '../domain/package-ref.ts'
import { notDecided } from './check.ts'
import { EXIT } from './exit-codes.ts'
import { filled, OwnStore } from './own-store.ts'
import { usage } from './usage.ts'
import { Progress } from './progress.ts'
import { namedBy, subjectsOf } from './subjects.ts'
import { jsonText } from './terminal.ts'

export interface ExportCommandOptions {
  readonly config?: string
  readonly output: string
  readonly key?: string
  readonly json?: boolean
}

export interface ImportCommandOptions {
  readonly config?: string
  readonly json?: boolean
}

const DEFAULT_CONFIG = 'data/config.yaml'
const warn = (message: string): void => { console.error(message) }

/**
 * `export`: an archive of what lockfiles and specs name. Returns the exit code; what the mirror does not serve is told and left out.
 * @throws ConfigurationError, LockfileError
 */
export async function exportCommand(args: readonly string[], { config = DEFAULT_CONFIG, output, key, json }: ExportCommandOptions): Promise<number> {
  const named = namedBy(args)
  const pem = key === undefined ? undefined : readKey(key)
  try {
    const store = await OwnStore.open(path.resolve(config), warn)
    try {
      const packages = (await subjectsOf(named, store)).flatMap((subject) => subject.packages)
      const wanted = packages.filter(({ kind }) => kind === 'registry' || kind === 'alias').map(({ name, version }) => ({ name, version }))
      const past = packages.filter(({ kind }) => kind === 'git' || kind === 'url' || kind === 'file').map(({ name, version, kind }) => `${name}@${version} (${kind})`)
      const progress = new Progress(wanted.length, process.stderr)
      let done = 0
      const report = await exportArchive(store.engine, { wanted, output, key: pem, now: new Date(), onVersion: () => { progress.at(++done) } })
      progress.end()
      print(json === true ? [jsonText({ ...report, leftOut: report.leftOut, notFromRegistries: past, output: report.versions === 0 ? null : output }, 2)] : exportText(report, output, past))
      return exportCode(report, past)
    } finally {
      await store.close()
    }
  } catch (error) {
    return notDecided(error)
  }
}

/**
 * `import`: takes an archive into the mirror's store. Returns the exit code: 1 when it is refused, whole or in part.
 * @throws ConfigurationError
 */
export async function importCommand(file: string, { config = DEFAULT_CONFIG, json }: ImportCommandOptions): Promise<number> {
  const { config: core } = takeOver(readYaml(path.resolve(config)))
  const logger = { warn: (fields: object, text: string) => { warn(filled(text, fields)) }, info: () => undefined, debug: () => undefined }
  try {
    const progress = new Progress(0, process.stderr)
    const report = await importArchive(core, { file, logger })
    progress.end()
    print(json === true ? [importDocument(file, report)] : importText(file, report))
    if (report.notAdmitted.some(({ state }) => state === 'refused')) return EXIT.refused
    return report.notAdmitted.length > 0 ? EXIT.undecided : EXIT.fine
  } catch (error) {
    if (error instanceof ImportRunning) return said(EXIT.undecided, `${file}: ${error.message}`, json)
    if (error instanceof ArchiveError) return said(EXIT.refused, `${file} is refused, and nothing of it was taken: ${printable(error.message)}`, json)
    if (isMissing(error)) throw usage(file, `cannot be read: ${messageOf(error)}`, 'Name the archive that `export` wrote.')
    return notDecided(error)
  }
}

function said(code: number, message: string, json: boolean | undefined): number {
  if (json === true) print([jsonText({ error: message }, 2)])
  else console.error(message)
  return code
}

function readKey(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw usage('--key', `${file} cannot be read: ${messageOf(cause)}`, 'Name a private key in PEM, ECDSA P-256 or Ed25519; or leave it out, and the mirror makes one.')
  }
}

const exportCode = ({ leftOut }: ExportReport, past: readonly string[]): number => {
  if (past.length > 0 || leftOut.some(({ state }) => state !== 'unavailable')) return EXIT.refused
  return leftOut.length > 0 ? EXIT.undecided : EXIT.fine
}

const WORDS = { refused: 'refused    ', unavailable: 'undecided  ', absent: 'not here   ' } as const

function exportText({ size, serial, keyid, packages, versions, leftOut }: ExportReport, output: string, past: readonly string[]): readonly string[] {
  return [
    ...leftOut.map(({ ref, state, reasons }) => lineOf(WORDS[state], ref, reasons)),
    ...past.map((one) => `not covered  ${printable(one)}: it comes from no registry`),
    ...(versions === 0
      ? ['nothing was exported']
      : [`${output}: ${count(versions, 'version')} of ${count(packages, 'package')}, ${String(size)} bytes, serial ${String(serial)}`, `signed by ${keyid}`]),
  ]
}

function importText(file: string, { keyid, created, serial, imported, notAdmitted, notes }: ImportReport): readonly string[] {
  return [
    ...notAdmitted.map(({ ref, state, reasons }) => lineOf(WORDS[state], ref, reasons)),
    ...notes.map((note) => `note: ${printable(note)}`),
    `${file}: ${count(imported.length, 'version')} taken, of ${created} (serial ${String(serial)})`,
    `signed by ${keyid}`,
  ]
}

const importDocument = (file: string, { notAdmitted, imported, ...rest }: ImportReport): string =>
  jsonText({ archive: file, ...rest, imported: imported.map(specOf), notAdmitted: notAdmitted.map(({ ref, state, reasons }) => ({ package: ref.name, version: ref.version, state, reasons })) }, 2)

const lineOf = (word: string, ref: PackageRef, [first]: readonly { readonly code: string; readonly message: string }[]): string =>
  `${word}${printable(specOf(ref))}${first === undefined ? '' : `  ${first.code}: ${printable(first.message)}`}`

const count = (number: number, noun: string): string => `${String(number)} ${noun}${number === 1 ? '' : 's'}`
const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'EACCES')

function print(lines: readonly string[]): void {
  for (const line of lines) console.log(line)
}
