/** The proxy of docker/, as the real program on loopback. */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { createInterface } from 'node:readline'

const CONFIGURATION = path.resolve(import.meta.dirname, '../../docker/haproxy/haproxy.cfg')
const program = ['/usr/sbin/haproxy', '/usr/local/sbin/haproxy', ...(process.env.PATH ?? '').split(':').map((folder) => path.join(folder, 'haproxy'))].find((file) => existsSync(file))

export interface Proxy {
  readonly url: string
  /** PEM of its certificate. */
  readonly ca: string
  readonly caFile: string
  close(): Promise<void>
}

/** Whether there is one. Where everything has to be tried, it fails instead. */
export function hasHaproxy(): boolean {
  if (program !== undefined) return true
  if (process.env.CI === 'true') throw new Error('HAProxy is not installed, and CI=true asks for it: apt-get install haproxy')
  process.stderr.write('skipped: HAProxy is not installed\n')
  return false
}

/** A certificate for loopback, in the file that the proxy reads. */
export function certificateIn(dir: string): { readonly caFile: string; readonly pem: string } {
  const [key, caFile, pem] = ['key.pem', 'ca.pem', 'tls.pem'].map((name) => path.join(dir, name)) as [string, string, string]
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', ...subject, '-keyout', key, '-out', caFile], { stdio: 'ignore' })
  writeFileSync(pem, readFileSync(caFile, 'utf8') + readFileSync(key, 'utf8'))
  return { caFile, pem }
}

/** What it says of its configuration; the status is 0 where it would start. */
export function checkHaproxy(env: Readonly<Record<string, string>>): { readonly status: number | null; readonly said: string } {
  const { status, stdout, stderr } = spawnSync(program ?? 'haproxy', ['-c', '-f', CONFIGURATION], { env: { PATH: process.env.PATH, ...env }, encoding: 'utf8', timeout: 20_000 })
  return { status, said: stdout + stderr }
}

/** Runs it in front of `mirrors` (`host:port`). `onLine` is given what it says, its log of requests among it. */
export async function startHaproxy(dir: string, mirrors: readonly [string, string], port?: number, onLine?: (line: string) => void): Promise<Proxy> {
  const { caFile, pem } = certificateIn(dir)
  const listen = port ?? (await freePort())
  const env = { PATH: process.env.PATH, LISTEN: `127.0.0.1:${String(listen)}`, CERTIFICATE: pem, MIRROR_1: mirrors[0], MIRROR_2: mirrors[1] }
  const child = spawn(program ?? 'haproxy', ['-db', '-f', CONFIGURATION], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    const lines = createInterface({ input: stream })
    lines.on('line', onLine ?? ((line) => { said += `${line}\n` }))
  }
  const exited = new Promise<void>((resolve) => child.once('exit', () => { resolve() }))
  const ended = exited.then(() => { throw new Error(`HAProxy ended:\n${said}`) })
  await Promise.race([connects(listen), ended])
  ended.catch(() => undefined)
  return {
    url: `https://localhost:${String(listen)}`,
    ca: readFileSync(caFile, 'utf8'),
    caFile,
    close: async () => {
      child.kill('SIGTERM')
      await exited
    },
  }
}

async function connects(port: number): Promise<void> {
  const connected = (): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = net.connect(port, '127.0.0.1', () => { socket.destroy(); resolve(true) })
      socket.once('error', () => { resolve(false) })
    })
  // It tells nobody when it listens.
  while (!(await connected())) await new Promise((resolve) => setTimeout(resolve, 20))
}

export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = net.createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as net.AddressInfo
      server.close(() => { resolve(port) })
    })
  })
