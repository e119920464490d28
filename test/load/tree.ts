/** What the uplink has: packages that depend on each other, and get new versions while people install. */
import { specOf } from '../../plugin/domain/package-ref.ts'
import type { FakeRegistry } from '../support/fake-registry.ts'
import { githubIdentity } from '../support/private-sigstore.ts'
import type { Random } from './random.ts'

/** Beside the tree: what is recalled, and what a policy forbids. */
export const RECALLED = { name: 'once-stolen', version: '1.0.0' } as const
export const BARRED = { name: 'not-for-us', version: '1.0.0' } as const

const VERSIONS = ['1.0.0', '1.1.0', '1.2.0'] as const
/** A package depends on some of so many after it. */
const REACH = 20
const MAX_DEPENDENCIES = 3
/** Every so manieth is large: what a restart breaks off halfway. */
const LARGE_EVERY = 12
const SMALL = 8_000
const LARGE = 1_500_000

export class Tree {
  readonly #registry: FakeRegistry
  readonly #random: Random
  readonly #dependencies: readonly Readonly<Record<string, string>>[]
  readonly #minor: number[]
  readonly names: readonly string[]
  published = 0

  constructor(registry: FakeRegistry, random: Random, size: number) {
    this.#registry = registry
    this.#random = random
    this.names = Array.from({ length: size }, (_, index) => (index % 5 === 0 ? `@upstream/part-${String(index)}` : `part-${String(index)}`))
    this.#dependencies = this.names.map((_, index) => {
      const after = this.names.slice(index + 1, index + 1 + REACH)
      return Object.fromEntries(random.some(after, random.below(MAX_DEPENDENCIES + 1)).map((name) => [name, '^1.0.0']))
    })
    this.#minor = this.names.map(() => VERSIONS.length - 1)
    for (const index of this.names.keys()) for (const version of VERSIONS) this.#publish(index, version)
    for (const { name, version } of [RECALLED, BARRED]) registry.publish({ name, version, provenance: githubIdentity({ ref: `refs/tags/v${version}` }) })
  }

  /** What a project depends on itself. */
  wanted(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#random.some(this.names, 2 + this.#random.below(5)).map((name) => [name, '^1.0.0']))
  }

  /** A new version of one of them, of this moment. @returns `name@version` */
  grow(): string {
    const index = this.#random.below(this.names.length)
    const minor = (this.#minor[index] ?? 0) + 1
    this.#minor[index] = minor
    const version = `1.${String(minor)}.0`
    this.#publish(index, version, new Date())
    return specOf({ name: this.names[index]!, version })
  }

  #publish(index: number, version: string, time?: Date): void {
    const name = this.names[index]!
    this.published++
    this.#registry.publish({
      name,
      version,
      packageJson: { dependencies: this.#dependencies[index]! },
      files: { 'package/data.bin': this.#random.bytes(index % LARGE_EVERY === 0 && version === VERSIONS[0] ? LARGE : SMALL) },
      // A package has provenance from its first version on, or never: one that loses it is refused.
      ...(index % 3 === 0 ? {} : { provenance: githubIdentity({ repo: `acme/part-${String(index)}`, ref: `refs/tags/v${version}` }) }),
      ...(time === undefined ? {} : { time }),
    })
  }
}
