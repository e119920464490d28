/** Every parser that sees what somebody else wrote, one target each. */
import type { Target } from './target.ts'
import { EVIDENCE_TARGETS } from './targets/evidence.ts'
import { LOCKFILE_TARGETS } from './targets/lockfiles.ts'
import { METADATA_TARGETS } from './targets/metadata.ts'
import { OUTSIDE_TARGETS } from './targets/outside.ts'
import { TARBALL_TARGETS } from './targets/tarballs.ts'
import { TRUST_TARGETS } from './targets/trust.ts'

export const TARGETS: readonly Target[] = [...METADATA_TARGETS, ...EVIDENCE_TARGETS, ...TRUST_TARGETS, ...TARBALL_TARGETS, ...OUTSIDE_TARGETS, ...LOCKFILE_TARGETS]
