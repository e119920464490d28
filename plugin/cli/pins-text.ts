import type { BuildersDocument, IdentityDocument, PinDocument } from '../domain/identity-document.ts'
import { describeBuilder } from '../domain/pins.ts'
import { printable } from './terminal.ts'

const BECAUSE = {
  found: 'built it before this mirror saw it',
  settled: 'undisputed since',
  approved: 'approved',
  dropped: 'dropped',
} as const satisfies Record<PinDocument['because'], string>

/** Lines for a terminal. */
export function buildersText({ package: name, pins, pending, decisions }: BuildersDocument, { onlyPending = false } = {}): readonly string[] {
  const waiting = pending.flatMap(({ to, from, firstSeen, versions }) => [
    `  PENDING since ${firstSeen}: ${identityText(to)}`,
    `    instead of ${identityText(from)}`,
    `    in ${versions.map(printable).join(', ')}`,
    `    verdaccio-provenance pins approve ${name} --to ${printable(to.sourceRepositoryId ?? to.sourceRepository ?? '')} --reason ... --approved-by ...`,
  ])
  if (onlyPending) return [name, ...waiting]
  return [
    name,
    ...pins.map((pin) => `  ${identityText(pin)}: ${BECAUSE[pin.because]}, ${printable(pin.version)} of ${pin.since}${pin.until === null ? '' : `; counts no longer since ${pin.until}`}`),
    ...(pins.length === 0 ? ['  nobody is pinned'] : []),
    ...waiting,
    ...decisions.map(({ decision, identity, at, reason, by }) => `  ${decision} ${at}: ${identityText(identity)}: ${printable(reason)}${by === null ? '' : ` (${printable(by)})`}`),
  ]
}

function identityText({ issuer, sourceRepository, sourceRepositoryId, sourceOwnerId, workflow }: IdentityDocument): string {
  const by = {
    issuer,
    sourceRepository: sourceRepository ?? undefined,
    sourceRepositoryId: sourceRepositoryId ?? undefined,
    sourceOwnerId: sourceOwnerId ?? undefined,
    workflow: undefined,
  }
  return printable(`${describeBuilder(by)}${workflow === null ? '' : `, ${workflow}`}`)
}
