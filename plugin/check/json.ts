/** A report for programs; the other forms hold no more than this one. */
import type { Json, JsonObject } from '../domain/json.ts'
import type { Finding } from './finding.ts'
import type { Checked } from './report.ts'

export const jsonReport = (checked: readonly Checked[], source: string): JsonObject => ({
  source,
  subjects: checked.map(({ subject, findings, counts }) => ({
    ...(subject.file === undefined ? {} : { file: subject.file, format: subject.format ?? '', formatVersion: subject.formatVersion ?? '' }),
    counts: { ...counts },
    findings: findings.map(findingDocument),
  })),
})

function findingDocument({ level, code, message, also, package: one, monitored, rule, waiver, nearest, explain }: Finding): Json {
  const { name, version, kind, integrity, resolved, optional, dev, peer, paths, ranges, line } = one
  return {
    level,
    code,
    message,
    also,
    package: name,
    version,
    kind,
    ...(integrity === undefined ? {} : { integrity }),
    ...(resolved === undefined ? {} : { resolved }),
    optional,
    dev,
    peer,
    paths,
    ranges,
    line,
    ...(monitored ? { monitored } : {}),
    ...(rule === undefined ? {} : { rule }),
    ...(waiver === undefined ? {} : { waiver }),
    ...(nearest === undefined ? {} : { nearest: { version: nearest.version, inRange: nearest.inRange ?? null } }),
    ...(explain === undefined ? {} : { explain }),
  }
}
