/**
 * Whether a version is built by whom its package was built so far. A project moves now and then; somebody else's build under the same
 * name looks just like it, so the first one waits for people.
 */
import { builtBy, countsAt, relationOf, SETTLES_MS, type PinLevel } from '../domain/pins.ts'
import { deny, undecided, warn, type Check, type Finding } from './finding.ts'
import type { RequireDocument } from './schema.ts'
import { identityChanged, ownerChanged } from './words.ts'

export function pinChecks(require: RequireDocument): readonly Check[] {
  const level = pinLevelOf(require)
  if (level === 'off') return []
  const { identityPin } = require
  const say = typeof identityPin === 'object' && identityPin.onFailure === 'warn' ? warn : deny
  return [
    ({ ref, provenance, pins: { pins, isEstablished, undecided: open }, notBefore }, { now }): readonly Finding[] => {
      // A version without provenance is built by nobody known: whether it should have some is another question (`trustDowngrade`).
      if (provenance.state !== 'verified' || isEstablished) return []
      if (open !== undefined && open.length > 0) return open.map(undecided)
      const shown = builtBy(provenance.facts.identity)
      const standing = pins.filter((pin) => countsAt(pin, notBefore))
      switch (relationOf(shown, pins, level, notBefore)) {
        case 'unpinned':
        case 'same':
        case 'learned':
          return []
        case 'new-owner': {
          const until = new Date(notBefore.getTime() + SETTLES_MS)
          // Undisputed for that long, it is a pin itself.
          if (until <= now) return []
          const pinned = standing.find(({ sourceRepositoryId }) => sourceRepositoryId === shown?.sourceRepositoryId)
          return [{ ...warn(ownerChanged(pinned, shown)), until }]
        }
        case 'other':
          return [say(identityChanged(ref.name, standing.length > 0 ? standing : pins, shown, level))]
      }
    },
  ]
}

/** Off where nothing is to be compared: provenance that the rule does not look at is not verified. */
export function pinLevelOf({ identityPin, provenance, anyOf = [] }: RequireDocument): PinLevel {
  const looks = [provenance, ...anyOf.map((branch) => branch.provenance)].some((want) => want !== undefined && want !== 'ignore')
  if (!looks || identityPin === undefined) return 'off'
  return typeof identityPin === 'string' ? identityPin : identityPin.level
}
