import { parsePackument, type Packument } from '../../../plugin/domain/packument.ts'
import { reason } from '../../../plugin/domain/reason.ts'
import type { Outcome, Verdict } from '../../../plugin/domain/verdict.ts'

const REASONS = {
  allow: [],
  warn: [reason('provenance-absent', 'there is no provenance')],
  deny: [reason('release-too-young', 'it was published 2 hours ago')],
  unavailable: [reason('evidence-unavailable', 'the registry did not answer')],
} as const

export const verdict = (outcome: Outcome): Verdict => ({ outcome, rule: 'test', reasons: REASONS[outcome] })

export const verdicts = (outcomes: Readonly<Record<string, Outcome>>): ReadonlyMap<string, Verdict> =>
  new Map(Object.entries(outcomes).map(([version, outcome]) => [version, verdict(outcome)]))

/** A packument of these versions and tags, by its JSON text, so that any key is possible. */
export function packumentOf(
  versions: readonly string[],
  tags: Readonly<Record<string, string>> = {},
  name = 'widget',
): Packument {
  const members = versions.map(
    (version) =>
      `${JSON.stringify(version)}:${JSON.stringify({ name, version, dist: { tarball: 'https://registry.example/x.tgz' } })}`,
  )
  const times = versions.map((version) => `${JSON.stringify(version)}:"2026-01-01T00:00:00.000Z"`)
  const head = `"name":${JSON.stringify(name)},"dist-tags":${JSON.stringify(tags)}`
  const text = `{${head},"versions":{${members.join()}},"time":{${times.join()}}}`
  return parsePackument(JSON.parse(text), name)
}
