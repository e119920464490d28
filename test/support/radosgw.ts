/** A real S3 on loopback: Ceph's gateway over one monitor and one object store in memory, its data in a temporary directory. */
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import { ACCESS, BUCKET, REGION } from './s3.ts'

const run = promisify(execFile)
const PROGRAMS = ['monmaptool', 'ceph-authtool', 'ceph-mon', 'ceph', 'ceph-osd', 'radosgw', 'radosgw-admin']

export interface RadosGateway {
  readonly url: string
  close(): Promise<void>
}

const missing = (): string | undefined => PROGRAMS.find((name) => !(process.env.PATH ?? '').split(':').some((folder) => existsSync(path.join(folder, name))))

/** Whether there is one. Where everything has to be tried, it fails instead. */
export function hasRadosGateway(): boolean {
  const program = missing()
  if (program === undefined) return true
  if (process.env.CI === 'true') throw new Error(`${program} is not installed, and CI=true asks for it: apt-get install radosgw ceph-mon ceph-osd ceph-common`)
  process.stderr.write(`skipped: ${program} is not installed (radosgw, ceph-mon, ceph-osd)\n`)
  return false
}

/** With the user of `s3.ts` and its bucket. */
export async function startRadosGateway(): Promise<RadosGateway> {
  const dir = mkdtempSync(path.join(tmpdir(), 'radosgw-'))
  const [monitor, gateway] = [await freePort(), await freePort()]
  const [cluster, store] = [randomUUID(), randomUUID()]
  const children: ChildProcess[] = []
  const at = (name: string): string => path.join(dir, name)
  for (const name of ['mon', 'osd']) mkdirSync(at(name))
  writeFileSync(at('ceph.conf'), configuration(dir, { cluster, monitor, gateway }))
  const config = ['-c', at('ceph.conf')]
  const call = (name: string, ...args: readonly string[]): Promise<unknown> => run(name, args, { cwd: dir, timeout: 30_000 })
  const begin = (name: string, ...args: readonly string[]): void => { children.push(spawn(name, [...config, '-f', ...args], { cwd: dir, stdio: 'ignore' })) }
  const close = async (): Promise<void> => {
    await Promise.all(children.toReversed().map((child) => ended(child)))
    rmSync(dir, { recursive: true, force: true })
  }
  try {
    const keyring = at('keyring')
    await call('monmaptool', '--create', '--fsid', cluster, '--addv', 'a', `[v2:127.0.0.1:${String(monitor)}]`, at('monmap'))
    await call('ceph-authtool', '--create-keyring', keyring, '--gen-key', '-n', 'mon.', '--cap', 'mon', 'allow *')
    await call('ceph-authtool', keyring, '--gen-key', '-n', 'client.admin', '--cap', 'mon', 'allow *', '--cap', 'osd', 'allow *')
    await call('ceph-authtool', keyring, '--gen-key', '-n', 'osd.0', '--cap', 'mon', 'allow profile osd', '--cap', 'osd', 'allow *')
    await call('ceph-mon', ...config, '--mkfs', '-i', 'a', '--monmap', at('monmap'), '--keyring', keyring)
    begin('ceph-mon', '-i', 'a')
    await call('ceph', ...config, 'osd', 'new', store)
    writeFileSync(at('osd/fsid'), store)
    await call('ceph-osd', ...config, '-i', '0', '--mkfs', '--osd-uuid', store)
    begin('ceph-osd', '-i', '0')
    await call('radosgw-admin', ...config, 'user', 'create', '--uid=mirror', '--display-name=mirror', `--access-key=${ACCESS.accessKeyId}`, `--secret=${ACCESS.secretAccessKey}`)
    begin('radosgw', '-n', 'client.admin')
    const url = `http://127.0.0.1:${String(gateway)}`
    await answers(url)
    const { CreateBucketCommand, S3Client } = await import('@aws-sdk/client-s3')
    const client = new S3Client({ endpoint: url, region: REGION, forcePathStyle: true, credentials: ACCESS })
    await client.send(new CreateBucketCommand({ Bucket: BUCKET }))
    client.destroy()
    return { url, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Nothing of `/etc/ceph`, no other host, and no waiting for what a cluster of one has not to agree on. */
const configuration = (dir: string, { cluster, monitor, gateway }: { readonly cluster: string; readonly monitor: number; readonly gateway: number }): string => `[global]
fsid = ${cluster}
mon_initial_members = a
mon_host = v2:127.0.0.1:${String(monitor)}
ms_bind_msgr1 = false
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
run_dir = ${dir}
log_file = ${dir}/$name.log
admin_socket = ${dir}/$name.$pid.asok
pid_file = ${dir}/$name.pid
keyring = ${dir}/keyring
mon_data = ${dir}/mon
mon_data_avail_crit = 0
osd_data = ${dir}/osd
osd_objectstore = memstore
memstore_device_bytes = 268435456
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 1
osd_pool_default_pgp_num = 1
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 1000
paxos_propose_interval = 0.02
paxos_min_wait = 0.01
rgw_data = ${dir}
rgw_frontends = beast endpoint=127.0.0.1:${String(gateway)}
rgw_override_bucket_index_max_shards = 1
rgw_enable_quota_threads = false
rgw_enable_lc_threads = false
rgw_enable_gc_threads = false
`

const ended = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) {
      resolve()
      return
    }
    child.once('exit', () => { resolve() })
    child.kill('SIGKILL')
  })

/** It says nowhere that it listens. */
async function answers(url: string): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (await fetch(url).then(() => true, () => false)) return
    await wait(50)
  }
  throw new Error('the gateway does not listen')
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
