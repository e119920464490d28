/** What is watched of keys beside trust material: those that this mirror signs with. */
import type { Configuration } from './config/configuration.ts'
import type { Clock } from './domain/ports.ts'
import { PURPOSES, type Purpose } from './keys/key-file.ts'
import { KeyRing } from './keys/key-ring.ts'

export interface SigningKeyAge {
  readonly purpose: string
  readonly created: Date
}

/** Of each purpose that has been signed for. A file that cannot be read is told of where it is needed. */
export function signingKeysOf({ keysDir: dir }: Pick<Configuration, 'keysDir'>, clock: Clock): () => readonly SigningKeyAge[] {
  const purposes = Object.keys(PURPOSES) as readonly Purpose[]
  const rings = purposes.map((purpose) => ({ purpose, ring: new KeyRing({ dir, purpose, clock, warn: () => undefined }) }))
  return () =>
    rings.flatMap(({ purpose, ring }) => {
      try {
        const created = ring.keys.at(-1)?.created
        return created === undefined ? [] : [{ purpose, created }]
      } catch {
        return []
      }
    })
}
