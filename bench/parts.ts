/** The parts of the benchmark, in the order of the report. */
import { check } from './cases/check.ts'
import { herd } from './cases/herd.ts'
import { installs } from './cases/installs.ts'
import { memory } from './cases/memory.ts'
import { packuments } from './cases/packuments.ts'
import { policyChange } from './cases/policy-change.ts'
import { policy } from './cases/policy.ts'
import { provenance } from './cases/provenance.ts'
import { soak } from './cases/soak.ts'
import { tarballs } from './cases/tarballs.ts'
import { turns } from './cases/turns.ts'
import { verification } from './cases/verification.ts'
import type { Context } from './context.ts'
import type { Section } from './report/section.ts'

export interface Part {
  readonly title: string
  /** Left out where the load generator is missing. */
  readonly needsWrk: boolean
  /** Runs only where it is asked for with `--only`. */
  readonly isExtra?: true
  readonly measure: (context: Context) => Promise<Section>
}

export type PartName = 'packuments' | 'tarballs' | 'installs' | 'turns' | 'memory' | 'herd' | 'verification' | 'provenance' | 'policy' | 'policy-change' | 'check' | 'soak'

export const PARTS: ReadonlyMap<PartName, Part> = new Map<PartName, Part>([
  ['packuments', { title: 'Packuments, warm', needsWrk: true, measure: packuments }],
  ['tarballs', { title: 'Tarballs', needsWrk: true, measure: tarballs }],
  ['installs', { title: 'Installs', needsWrk: false, measure: installs }],
  ['turns', { title: 'The event loop', needsWrk: false, measure: turns }],
  ['memory', { title: 'Memory', needsWrk: true, measure: memory }],
  ['herd', { title: 'A herd', needsWrk: false, measure: herd }],
  ['verification', { title: 'Verification', needsWrk: false, measure: verification }],
  ['provenance', { title: 'A package with hundreds of provenances', needsWrk: false, measure: provenance }],
  ['policy', { title: 'Policy', needsWrk: false, measure: policy }],
  ['policy-change', { title: 'A change of policy', needsWrk: false, measure: policyChange }],
  ['check', { title: 'Checking a lockfile', needsWrk: false, measure: check }],
  ['soak', { title: 'An hour of mixed load', needsWrk: false, isExtra: true, measure: soak }],
])
