import { messageOf } from '../domain/errors.ts'
import { decide, type Clock, type KeyPins } from '../domain/ports.ts'
import { parseStrictJson } from '../domain/strict-json.ts'
import { anchorOfKey, parseRegistryKeys } from './registry-keys.ts'

/** The body of an uplink's `/-/npm/v1/keys`, or `absent`. May reject. */
export type AskKeys = (uplink: string) => Promise<Uint8Array | 'absent'>

export interface PinDeps {
  readonly pins: KeyPins
  readonly askKeys: AskKeys
  readonly clock: Clock
  readonly warn: (message: string) => void
  /** The ledger is gone: whoever still waits has nothing to write to. */
  readonly isClosed: () => boolean
}

/**
 * The last resort: the keys a registry names itself, pinned on first use (as SSH does with hosts). Whoever answered first is
 * whom later answers are held against; other keys are not taken, since a registry that was taken over would bring some.
 * @returns whether the question was answered; never rejects
 */
export async function pinOwnKeys(uplink: { readonly name: string; readonly registry: string }, deps: PinDeps): Promise<boolean> {
  const { pins, askKeys, clock, warn, isClosed } = deps
  const { name, registry } = uplink
  try {
    const body = await askKeys(name)
    if (body === 'absent' || isClosed()) return true
    const document = parseStrictJson(body)
    const answered = anchors(document, registry)
    const known = pins.pinnedKeys(registry)
    if (known === undefined) warn(`the keys that ${registry} names itself are pinned on first use: nobody else vouches for them`)
    const { document: pinned, at } = known ?? (await decide(pins, () => pins.pinKeys(registry, { document, at: clock.now() })))
    if (anchors(pinned, registry) !== answered)
      warn(`${registry} names other keys than those pinned at ${at.toISOString()}: the pinned ones stay. Give the right ones as registryKeys of the uplink ${name}`)
    return true
  } catch (error) {
    if (!isClosed()) warn(`the keys of ${registry} could not be asked of the uplink ${name}: ${messageOf(error)}`)
    return false
  }
}

const anchors = (document: unknown, registry: string): string =>
  parseRegistryKeys(document, `keys of ${registry}`).map(anchorOfKey).sort().join(' ')
