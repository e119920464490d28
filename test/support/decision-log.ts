import { generateKeyPairSync } from 'node:crypto'
import { signStatement } from '../../plugin/audit/checkpoint.ts'
import { filterOf } from '../../plugin/audit/filter.ts'
import type { LogStore, SignHead, StoredChain, StoredCheckpoint, StoredEntry } from '../../plugin/audit/store.ts'
import type { AskableLog } from '../../plugin/audit/verify-source.ts'
import type { DecisionQuery, DecisionRecord } from '../../plugin/domain/decision.ts'
import { readPrivateKey, readPublicKey, type VerificationKey } from '../../plugin/keys/dsse.ts'

export const AT = '2026-05-01T10:00:00.000Z'

export const recordOf = (changes: Partial<DecisionRecord> = {}): DecisionRecord => ({
  at: AT,
  kind: 'served',
  package: 'widget',
  version: '1.0.0',
  integrity: 'sha512-AAAA',
  uplink: 'main',
  outcome: 'allow',
  monitored: false,
  reasons: [],
  rule: 'everything',
  policyRevision: 'p1',
  waivers: [],
  evidence: { signature: true, publishAttestation: false, provenance: true, pinned: false },
  asker: { address: '192.0.2.7', client: 'npm/11', user: null, token: null },
  detail: null,
  times: 1,
  ...changes,
})

export const refusalOf = (code: string, changes: Partial<DecisionRecord> = {}): DecisionRecord =>
  recordOf({ kind: 'refused', outcome: 'deny', reasons: [{ code, message: 'because' }], ...changes })

export interface Signer {
  readonly key: VerificationKey
  readonly pem: string
  readonly checkpoint: SignHead
  readonly cut: SignHead
}

export function signerOf(): Signer {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256', privateKeyEncoding: { format: 'pem', type: 'pkcs8' }, publicKeyEncoding: { format: 'pem', type: 'spki' } })
  const signer = readPrivateKey(privateKey)
  const of = (kind: 'checkpoint' | 'cut'): SignHead => (log, { sequence, hash }) => signStatement(signer, { kind, log, sequence, hash, at: AT })
  return { key: readPublicKey(publicKey), pem: publicKey, checkpoint: of('checkpoint'), cut: of('cut') }
}

/** A store in this thread, as those ask who verify. */
export const askable = (store: LogStore): AskableLog => ({
  ask: (call: string, parameters: object): Promise<never> => {
    const { log = '', after = 0, limit = 0 } = parameters as { log?: string; after?: number; limit?: number }
    const answer: Promise<readonly (StoredChain | StoredCheckpoint | StoredEntry)[]> = call === 'chains' ? store.chains() : call === 'entries' ? store.entries(log, after, limit) : store.checkpoints(log)
    return answer as Promise<never>
  },
})

export const found = async (store: LogStore, query: DecisionQuery): Promise<readonly string[]> =>
  (await store.find(filterOf(query))).map(({ entry }) => `${String(entry.package)}@${String(entry.version)}`)
