import type { Answer } from '../../../plugin/check/index.ts'
import type { LockedPackage } from '../../../plugin/lockfile/index.ts'

export const locked = (more: Partial<LockedPackage> = {}): LockedPackage => ({
  name: 'left',
  version: '1.1.0',
  kind: 'registry',
  integrity: undefined,
  resolved: undefined,
  optional: false,
  dev: false,
  peer: false,
  paths: [['middle', 'left']],
  ranges: ['^1.0.0'],
  line: 7,
  ...more,
})

type Judged = Extract<Answer, { readonly state: 'judged' }>

export const judged = (more: Partial<Judged> = {}): Judged => ({
  state: 'judged',
  outcome: 'allow',
  rule: 'defaults',
  reasons: [],
  monitored: false,
  waiver: undefined,
  integrity: undefined,
  nearest: undefined,
  explain: undefined,
  ...more,
})

export const refused = (code: string, more: Partial<Judged> = {}): Judged => judged({ outcome: 'deny', reasons: [{ code, message: `it is ${code}` }], ...more })
