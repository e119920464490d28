/** The clients of the soak, and what is seen of the mirror meanwhile. */
import { writeFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { stringify } from 'yaml'
import type { Server } from '../servers/index.ts'
import { memory } from '../proc.ts'
import { Client } from './client.ts'
import { descriptorsOf } from './disk.ts'
import { login, packumentOf, steps, type Remembered, type Step } from './mix.ts'
import { CHANGE } from './plan.ts'

export interface SoakOptions {
  readonly mirror: Server
  readonly upstream: string
  readonly policyFile: string
  readonly clock: { now(): Date }
  readonly packages: number
  readonly requests: number
  /** Of the wall. It takes that long, whatever the mirror manages to answer. */
  readonly seconds: number
}

export interface Sample {
  /** Megabytes. */
  readonly resident: number
  readonly descriptors: number
  /** Milliseconds of CPU of the longest turn since the last sample. */
  readonly turn: number
}

export interface Soaked {
  readonly samples: readonly Sample[]
  /** By kind of request and status. */
  readonly statuses: ReadonlyMap<string, ReadonlyMap<number, number>>
  /** Distinct packages that were asked for. */
  readonly packages: number
  /** Milliseconds that each answer took. */
  readonly waits: readonly number[]
}

const LANES = 16
const SAMPLES = 60
const RELOADS = 6

export async function soak(options: SoakOptions): Promise<Soaked> {
  const { mirror, seconds, requests } = options
  const client = new Client(mirror.url)
  const remembered: Remembered = { etags: new Map(), token: undefined }
  const seen: Seen = { statuses: new Map(), packages: new Set(), waits: [] }
  remembered.token = tokenIn((await client.ask(login(0))).body)
  await acquaint(client, options.packages)
  const from = performance.now()
  const passed = (): number => (performance.now() - from) / 1000
  const all = steps(options.packages, requests, remembered)
  let number = 0
  const lane = async (): Promise<void> => {
    for (;;) {
      // Paced: a client that comes too early waits, one that comes late goes at once.
      const due = (number++ / requests) * seconds
      if (due > passed()) await wait((due - passed()) * 1000)
      const step = passed() > seconds ? undefined : all.next().value
      if (step === undefined) return
      await take(step, { ...options, client, remembered, seen })
    }
  }
  const samples: Sample[] = []
  const watch = async (): Promise<void> => {
    await mirror.longestTurn()
    for (let minute = 1; minute <= SAMPLES; minute++) {
      await wait(Math.max(0, ((minute * seconds) / SAMPLES - passed()) * 1000))
      const { cpu } = await mirror.longestTurn()
      samples.push({ resident: memory(mirror.pid).resident, descriptors: descriptorsOf(mirror.pid), turn: cpu })
      if (minute % (SAMPLES / RELOADS) === 0) writeFileSync(options.policyFile, soakPolicy(minute))
    }
  }
  await Promise.all([watch(), ...Array.from({ length: LANES }, lane)])
  client.close()
  return { samples, statuses: seen.statuses, waits: seen.waits, packages: seen.packages.size }
}

/** Every package once, before the hour begins: what grows in that is not that there are more of them. */
async function acquaint(client: Client, packages: number): Promise<void> {
  let index = 0
  const lane = async (): Promise<void> => {
    while (index < packages) await client.ask(packumentOf(index++))
  }
  await Promise.all(Array.from({ length: LANES }, lane))
}

/** The preset, and a package more that is refused by name at each reload. */
export const soakPolicy = (minute: number): string =>
  stringify({ version: 1, extends: 'recommended', rules: [{ packages: [`soak-${minute}`], verdict: 'deny', reason: `closed at minute ${minute}` }] })

interface Seen {
  readonly statuses: Map<string, Map<number, number>>
  readonly packages: Set<number>
  readonly waits: number[]
}

async function take({ ask, index, changes }: Step, { upstream, clock, client, remembered, seen }: SoakOptions & { readonly client: Client; readonly remembered: Remembered; readonly seen: Seen }): Promise<void> {
  if (changes.length > 0) await fetch(`${upstream}${CHANGE}`, { method: 'POST', body: JSON.stringify({ touch: changes, at: clock.now().toISOString() }) })
  const { status, etag, body, milliseconds } = await client.ask(ask)
  const statuses = seen.statuses.get(ask.kind) ?? new Map<number, number>()
  seen.statuses.set(ask.kind, statuses.set(status, (statuses.get(status) ?? 0) + 1))
  seen.waits.push(milliseconds)
  if (index !== undefined) seen.packages.add(index)
  if (ask.kind === 'login') remembered.token = tokenIn(body) ?? remembered.token
  if (index !== undefined && etag !== undefined && ask.kind === 'packument') remembered.etags.set(index, etag)
}

const tokenIn = (body: string): string | undefined => /"token":\s*"([^"]+)"/.exec(body)?.[1]
