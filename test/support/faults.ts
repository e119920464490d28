/**
 * The faults that a mirror must refuse, each a single change to a version that is good otherwise. A dotted id is a further
 * form of the fault before the dot. Faults that are a sequence of events (6h, 13, 18, 21, 22) are scenes of the tests that
 * play them; those of a client's request (15) need no registry.
 */
import { BYTES_FAULTS } from './faults/bytes.ts'
import { EVIDENCE_FAULTS } from './faults/evidence.ts'
import { IDENTITY_FAULTS } from './faults/identity.ts'
import { METADATA_FAULTS } from './faults/metadata.ts'
import { SIGNATURE_FAULTS } from './faults/signature.ts'
import type { FaultId } from './faults/ids.ts'
import type { Fault } from './faults/kit.ts'

export const FAULTS: Readonly<Record<FaultId, Fault>> = {
  ...SIGNATURE_FAULTS,
  ...EVIDENCE_FAULTS,
  ...IDENTITY_FAULTS,
  ...BYTES_FAULTS,
  ...METADATA_FAULTS,
}

export { FAULT_IDS, type FaultId } from './faults/ids.ts'
export type { Fault } from './faults/kit.ts'
export { TRUSTED_SIGNER } from './faults/identity.ts'
