/**
 * Writes what Verdaccio signs tokens with into its storage, before the mirrors that share it start: each would make its own, and
 * take no token of another's. Run by the chart: docs/deployment.md.
 *   node token-secret.mjs FOLDER        TOKEN_SECRET: 32 characters that replace what is there; else it stays, or is made
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'

const [folder] = process.argv.slice(2)
const given = process.env.TOKEN_SECRET?.trim()

try {
  if (folder === undefined) throw new Error('name the folder of the storage')
  if (given !== undefined && given.length !== 32) throw new Error(`TOKEN_SECRET has ${String(given.length)} characters, and 32 are needed`)
  const file = path.join(folder, '.verdaccio-db.json')
  mkdirSync(folder, { recursive: true })
  const kept = read(file)
  if ((kept?.secret ?? '') === '' || (given !== undefined && kept.secret !== given)) {
    const temporary = `${file}.${randomUUID()}`
    try {
      writeFileSync(temporary, JSON.stringify({ list: kept?.list ?? [], secret: given ?? randomBytes(16).toString('hex') }), { mode: 0o600, flag: 'wx', flush: true })
      if (kept !== undefined || given !== undefined) renameSync(temporary, file)
      // A link replaces nothing: whoever comes first decides.
      else link(temporary, file)
    } finally {
      rmSync(temporary, { force: true })
    }
  }
} catch (error) {
  console.error(`the secret of tokens: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
}

function read(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    if (error.code === 'ENOENT') return undefined
    throw error
  }
}

function link(from, to) {
  try {
    linkSync(from, to)
  } catch (error) {
    if (error.code !== 'EEXIST') throw error
  }
}
