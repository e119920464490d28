/** What is asked, in which proportion. Deterministic for a seed, but for what depends on answers (ETags, tokens). */
import { publishBody } from '../../test/support/publish.ts'
import { fullHeaders, packumentHeaders, tarballHeaders } from '../load/requests.ts'
import type { Ask } from './client.ts'
import { changed, fileOf, nameOf, planOf, PUBLISHED, random, UNKNOWN } from './plan.ts'

/** What clients remember of answers. */
export interface Remembered {
  readonly etags: Map<number, string>
  token: string | undefined
}

type Make = (index: number, pick: (below: number) => number, remembered: Remembered) => Ask

const at = (name: string): string => `/${name.replace('/', '%2f')}`
const pathOf = (index: number): string => at(nameOf(index))
/** The newest and the two before it have tarballs. */
const tarballPath = (index: number, back: number): string => {
  const { name, versions } = planOf(index)
  return `/${name}/-/${fileOf(name, versions.at(-1 - (back % Math.min(3, versions.length))) ?? '')}`
}

export const packumentOf = (index: number): Ask => ({ kind: 'packument', path: pathOf(index), headers: packumentHeaders })

const MIX: readonly (readonly [weight: number, make: Make])[] = [
  [40, packumentOf],
  [12, (index, _pick, { etags }) => ({ kind: 'packument, known', path: pathOf(index), headers: { ...packumentHeaders, 'If-None-Match': etags.get(index) ?? '"x"' } })],
  [5, (index) => ({ kind: 'full packument', path: pathOf(index), headers: fullHeaders })],
  [4, (index) => ({ kind: 'HEAD', path: pathOf(index), method: 'HEAD', headers: packumentHeaders })],
  [14, (index, pick) => ({ kind: 'tarball', path: tarballPath(index, pick(3)), headers: tarballHeaders })],
  [3, (index, pick) => ({ kind: 'range', path: tarballPath(index, pick(3)), headers: { ...tarballHeaders, Range: `bytes=${pick(500)}-${500 + pick(2000)}` } })],
  [2, (index, pick) => ({ kind: 'no such tarball', path: `/${nameOf(index)}/-/${fileOf(nameOf(index), `77.${pick(1000)}.0`)}`, headers: tarballHeaders })],
  [5, (index) => ({ kind: 'one version', path: `${pathOf(index)}/${planOf(index).versions.at(-2) ?? 'latest'}` })],
  [3, (index, pick) => ({ kind: 'explanation', path: `/-/provenance/v1/packages/${nameOf(index)}${pick(2) === 0 ? '' : `/${planOf(index).versions[0] ?? ''}`}` })],
  // Too young, or badly signed.
  [2, (index) => ({ kind: 'refused version', path: `${pathOf(index)}/${changed(1)}` })],
  [2, (index, pick) => ({ kind: 'refused tarball', path: tarballPath(3 + 40 * (index % 250), pick(1)), headers: tarballHeaders })],
  [3, (_index, pick) => ({ kind: 'unknown name', path: `/${UNKNOWN}${pick(1e9)}`, headers: packumentHeaders })],
  [3, (index, pick) => ({ kind: 'broken off', path: pick(2) === 0 ? pathOf(index) : tarballPath(index, 0), headers: tarballHeaders, breaksOff: true })],
  [1, (index, pick) => ({ kind: 'wrong host', path: pathOf(index), headers: { ...packumentHeaders, Host: `host-${pick(1e6)}.example` } })],
]
const TOTAL = MIX.reduce((sum, [weight]) => sum + weight, 0)

/** Each how many requests one is of that kind. */
const EVERY = { change: 20, publish: 750, login: 1500 } as const
/** Each how many requests one is for the next package in turn, so that each is asked for. */
const IN_TURN = 2
const CHANGED_AT_ONCE = 2

export interface Step {
  readonly ask: Ask
  /** Of a package, to remember the ETag of. */
  readonly index?: number
  /** Of packages that change upstream before it. */
  readonly changes: readonly number[]
}

/** All of `count` requests for `packages` packages, each of which is asked for where `count` is a little more than twice as many. */
export function* steps(packages: number, count: number, remembered: Remembered): Generator<Step, void> {
  const next = random(6)
  const pick = (below: number): number => Math.floor(next() * below)
  // Zipf's law with exponent 1: the logarithm of the rank is uniform.
  const popular = (): number => Math.min(packages - 1, Math.floor(packages ** next()) - 1)
  const stride = coprimeTo(packages)
  let turn = 0
  for (let number = 0; number < count; number++) {
    const changes = number % EVERY.change === 7 ? Array.from({ length: CHANGED_AT_ONCE }, popular) : []
    if (number % EVERY.publish === 375) yield { ask: publish(number, remembered), changes }
    else if (number % EVERY.login === 1) yield { ask: login(number), changes }
    else if (number % IN_TURN === 0) {
      const index = (turn++ * stride) % packages
      yield { ask: packumentOf(index), index, changes }
    } else {
      const index = popular()
      yield { ask: weighted(pick(TOTAL))(index, pick, remembered), index, changes }
    }
  }
}

function weighted(at: number): Make {
  let left = at
  for (const [weight, make] of MIX) {
    if (left < weight) return make
    left -= weight
  }
  throw new RangeError('weights add up to more')
}

/** Steps of it visit all of them, far from one another. */
const coprimeTo = (packages: number): number => [7919, 7907, 7901].find((prime) => packages % prime !== 0) ?? 1

const JSON_BODY = { 'content-type': 'application/json' } as const

export function login(number: number): Ask {
  const name = `user-${number}`
  return { kind: 'login', method: 'PUT', path: `/-/user/org.couchdb.user:${name}`, headers: JSON_BODY, body: JSON.stringify({ name, password: `a long password ${number}` }) }
}

/** A few packages, a version more each time. */
function publish(number: number, { token }: Remembered): Ask {
  const name = `${PUBLISHED}${Math.floor(number / EVERY.publish) % 5}`
  const { body } = publishBody({ name, version: `1.${number}.0` })
  return { kind: 'publish', method: 'PUT', path: at(name), headers: { ...JSON_BODY, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) }, body: JSON.stringify(body) }
}
