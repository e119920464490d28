/** A real Redis, or Valkey, on loopback, with its data in a temporary directory. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createClient } from '@redis/client'

export interface Redis {
  /** `redis://…` of one of its databases, 0 to 15. */
  url(database?: number): string
  /** One command, as a person would type it, whatever the mirror may do. */
  command(...words: readonly string[]): Promise<unknown>
  stop(): Promise<void>
  start(): Promise<void>
  /** Answers nothing, and keeps its connections, until `resume`. */
  suspend(): void
  resume(): void
  close(): Promise<void>
}

export interface RedisOptions {
  readonly user?: string
  readonly password?: string
  /** Files: the server then speaks TLS and nothing else. */
  readonly tls?: { readonly cert: string; readonly key: string }
}

const program = (): string | undefined =>
  (process.env.PATH ?? '').split(':').flatMap((folder) => ['redis-server', 'valkey-server'].map((name) => path.join(folder, name))).find((file) => existsSync(file))

/** Whether there is one. Where everything has to be tried, it fails instead. */
export function hasRedis(): boolean {
  if (program() !== undefined) return true
  if (process.env.CI === 'true') throw new Error('Redis is not installed, and CI=true asks for it: apt-get install redis-server')
  process.stderr.write('skipped: Redis is not installed\n')
  return false
}

export async function startRedis({ user, password, tls }: RedisOptions = {}): Promise<Redis> {
  const file = program()
  if (file === undefined) throw new Error('Redis is not installed')
  const dir = mkdtempSync(path.join(tmpdir(), 'redis-'))
  const port = await freePort()
  const words = [
    '--bind', '127.0.0.1', '--dir', dir, '--save', '', '--appendonly', 'no',
    ...(tls === undefined ? ['--port', String(port)] : ['--port', '0', '--tls-port', String(port), '--tls-cert-file', tls.cert, '--tls-key-file', tls.key, '--tls-auth-clients', 'no']),
    ...(password === undefined ? [] : user === undefined ? ['--requirepass', password] : ['--user', user, 'on', `>${password}`, '~*', '&*', '+@all', '--user', 'default', 'off']),
  ]
  let child: ChildProcess | undefined
  const start = async (): Promise<void> => {
    const started = spawn(file, words, { cwd: dir, stdio: ['ignore', 'pipe', 'inherit'] })
    child = started
    let output = ''
    await new Promise<void>((resolve, reject) => {
      started.once('error', reject)
      started.once('exit', () => { reject(new Error(`Redis ended:\n${output}`)) })
      started.stdout.on('data', (chunk: Buffer) => {
        output += chunk.toString()
        if (output.includes('Ready to accept connections')) resolve()
      })
    })
  }
  const stop = async (): Promise<void> => {
    const stopped = child
    child = undefined
    if (stopped === undefined) return
    const exited = once(stopped, 'exit')
    stopped.kill('SIGKILL')
    await exited
  }
  const secret = password === undefined ? '' : `${user ?? ''}:${encodeURIComponent(password)}@`
  const url = (database = 0): string => `${tls === undefined ? 'redis' : 'rediss'}://${secret}127.0.0.1:${String(port)}/${String(database)}`
  await start()
  return {
    url,
    command: async (...parts) => {
      const client = createClient({ url: url(), RESP: 2, ...(tls !== undefined && { socket: { tls: true, rejectUnauthorized: false } }) })
      await client.connect()
      try {
        return await client.sendCommand([...parts])
      } finally {
        client.destroy()
      }
    },
    start,
    stop,
    suspend: () => { child?.kill('SIGSTOP') },
    resume: () => { child?.kill('SIGCONT') },
    close: async () => {
      await stop()
      rmSync(dir, { recursive: true, force: true })
    },
  }
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
