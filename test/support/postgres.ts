/** A real PostgreSQL on loopback, with its data in a temporary directory. */
import { execFile, execFileSync } from 'node:child_process'
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface Postgres {
  /** `postgres://…` of a new, empty schema: a database of its own takes ten times as long. */
  database(name: string): Promise<string>
  stop(): Promise<void>
  start(): Promise<void>
  close(): Promise<void>
}

/** Where Debian and others have the server's programs. */
function directories(): readonly string[] {
  const debian = '/usr/lib/postgresql'
  const versions = existsSync(debian) ? readdirSync(debian).map((version) => path.join(debian, version, 'bin')) : []
  return [...(process.env.PATH ?? '').split(':'), ...versions.toSorted().toReversed()]
}

const programs = (): string | undefined => directories().find((folder) => ['initdb', 'pg_ctl', 'postgres'].every((name) => existsSync(path.join(folder, name))))

/** Whether there is one. Where everything has to be tried, it fails instead. */
export function hasPostgres(): boolean {
  if (programs() !== undefined) return true
  if (process.env.CI === 'true') throw new Error('PostgreSQL is not installed, and CI=true asks for it: apt-get install postgresql')
  process.stderr.write('skipped: PostgreSQL is not installed\n')
  return false
}

export async function startPostgres(): Promise<Postgres> {
  const bin = programs()
  if (bin === undefined) throw new Error('PostgreSQL is not installed')
  const dir = mkdtempSync(path.join(tmpdir(), 'postgres-'))
  // The server refuses to run as root.
  const user = process.getuid?.() === 0 ? nobody() : undefined
  if (user !== undefined) chownSync(dir, user.uid, user.gid)
  const port = await freePort()
  const call = (name: string, ...args: readonly string[]): Promise<unknown> => run(path.join(bin, name), args, { ...user, cwd: dir, env: { PATH: process.env.PATH, LC_ALL: 'C', HOME: dir }, timeout: 30_000 })
  const data = path.join(dir, 'data')
  await call('initdb', '-D', data, '-U', 'mirror', '-A', 'trust', '-E', 'UTF8', '--no-sync', '--no-locale')
  const options = `-c listen_addresses=127.0.0.1 -p ${String(port)} -c unix_socket_directories='' -c fsync=off -c max_connections=30`
  const start = async (): Promise<void> => { await call('pg_ctl', '-D', data, '-w', '-l', path.join(dir, 'log'), '-o', options, 'start') }
  const stop = async (): Promise<void> => { await call('pg_ctl', '-D', data, '-w', '-m', 'immediate', 'stop') }
  await start()
  return {
    database: async (name) => {
      const { default: pg } = await import('pg')
      const client = new pg.Client({ host: '127.0.0.1', port, user: 'mirror', database: 'postgres' })
      await client.connect()
      await client.query(`CREATE SCHEMA ${client.escapeIdentifier(name)}`)
      await client.end()
      return `postgres://mirror@127.0.0.1:${String(port)}/postgres?options=${encodeURIComponent(`-c search_path=${name}`)}`
    },
    start,
    stop,
    close: async () => {
      await stop().catch(() => undefined)
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

function nobody(): { readonly uid: number; readonly gid: number } {
  const [uid, gid] = ['-u', '-g'].map((which) => Number(execFileSync('id', [which, 'nobody'], { encoding: 'utf8' })))
  return { uid: uid ?? 65534, gid: gid ?? 65534 }
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = net.createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as net.AddressInfo
      server.close(() => { resolve(port) })
    })
  })
