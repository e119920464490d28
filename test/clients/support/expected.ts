/** What becomes of each cell, and what of a refusal the person is told. */
import assert from 'node:assert/strict'
import type { Client } from './clients.ts'
import type { Seen } from './project.ts'
import type { ScenarioId } from './scenarios.ts'
import { REASON } from './world.ts'

/** `warning` is that the version is deprecated, `own` are the client's words for what it found out itself. */
export type Told = 'sentence' | 'address' | 'warning' | 'status' | 'own'

export interface Expected {
  readonly installed: Readonly<Record<string, string>>
  /** What the person is told where the client fails; undefined where it does not. */
  readonly told?: Told
  /** What is refused. */
  readonly subject?: string
  /** What the client says in its own words. */
  readonly words?: RegExp
}

const PLAIN = { plain: '1.1.0', '@acme/scoped': '1.0.0' }
const WITHOUT = { plain: '1.1.0' }
const EXACT = { ranged: '1.2.0' }

const onPackument = ({ id }: Client): Told => (id === 'bun' ? 'address' : id === 'pnpm12' ? 'status' : 'sentence')
const onTarball = (client: Client): Told => (client.id === 'yarn1' ? 'status' : onPackument(client))
const isNpm = ({ id }: Client): boolean => id.startsWith('npm')
const isYarn = ({ id }: Client): boolean => id.startsWith('yarn')

const NO_MATCH = /(?:No matching version found for|Couldn't find any versions for|No version matching|Could not find npm package|No candidates found)/
const OTHER_BYTES = /(?:TARBALL_INTEGRITY|Integrity check failed|match the expected checksum|IntegrityCheckFailed|checksum did not match)/

export function expected(scenario: ScenarioId, client: Client): Expected {
  switch (scenario) {
    case 'fresh':
    case 'freshWarm':
    case 'lockedCold':
    case 'lockedWarm':
    case 'prefix':
    case 'publicHost':
      return { installed: PLAIN }
    case 'range':
    case 'markedRange':
      return { installed: { ranged: '1.1.0' } }
    case 'monitor':
      return { installed: EXACT }
    case 'lockRefusedWarm':
      // Nobody was asked: what the client has in its own cache no mirror can refuse.
      return { installed: EXACT }
    case 'exact':
      return { installed: {}, told: 'own', words: NO_MATCH }
    case 'whole':
      return { installed: {}, told: onPackument(client), subject: 'every version of shady' }
    case 'lockRefused':
      return { installed: {}, told: onTarball(client), subject: 'ranged@1.2.0' }
    case 'markedExact':
      return { installed: {}, told: client.id === 'yarn1' ? 'warning' : onTarball(client), subject: 'ranged@1.2.0' }
    case 'lockChanged':
      return isNpm(client) ? { installed: {}, told: 'sentence', words: /changed@1\.0\.0 is refused: .* expects other bytes/ } : { installed: {}, told: 'own', words: OTHER_BYTES }
    case 'optional':
      return isYarn(client) ? { installed: {}, told: onPackument(client), subject: 'every version of shady' } : { installed: WITHOUT }
    case 'optionalLocked':
      return isYarn(client) ? { installed: {}, told: onTarball(client), subject: 'shady@1.0.0' } : { installed: WITHOUT }
    case 'unknownHost':
      return { installed: {}, ...unknownHost(client) }
  }
}

function unknownHost({ id }: Client): Required<Pick<Expected, 'told' | 'words'>> {
  if (id === 'bun') return { told: 'address', words: /this-mirror-has-no-such-host-name/ }
  if (id === 'pnpm12') return { told: 'status', words: /400/ }
  // They take the body of a 400 for a packument.
  if (id === 'pnpm9' || id === 'pnpm10') return { told: 'own', words: /ERR_PNPM_NO_VERSIONS/ }
  return { told: 'sentence', words: /this mirror has no such host name/ }
}

export function assertSeen(scenario: ScenarioId, client: Client, { code, output, installed }: Seen): void {
  const { installed: wanted, told, subject, words } = expected(scenario, client)
  assert.deepEqual(Object.fromEntries([...installed].sort()), Object.fromEntries(Object.entries(wanted).sort()), output)
  if (told === undefined) {
    assert.equal(code, 0, output)
    return
  }
  assert.ok(code !== 0 && code !== 127, output)
  assert.doesNotMatch(output, /ended after \d+ ms/)
  const text = unwrapped(output)
  if (words !== undefined) assert.match(text, words)
  if (subject === undefined) return
  const dashed = (words_: string): string => words_.replaceAll(' ', '-')
  if (told === 'sentence') for (const part of [`${subject} is refused: `, REASON]) assert.ok(text.includes(part), output)
  if (told === 'warning') assert.match(text, new RegExp(`warn.* ${subject}: refused by .*${REASON}`))
  if (told === 'address') for (const part of [`${subject} is refused`, REASON]) assert.ok(text.includes(dashed(part)), output)
  if (told === 'status') {
    assert.match(text, /403/)
    assert.ok(!text.includes(REASON), `more is told than docs/clients.md says: ${output}`)
  }
}

/** pnpm 12 draws boxes and breaks lines in them. */
const unwrapped = (output: string): string => output.replace(/\n[\s│]+/g, ' ')
