/** What of the trust material ends, soon enough that somebody has to act. */
import type { InstanceState, TrustEnd, TrustState } from './state.ts'

export interface TrustAlarm {
  /** `instance:<name>` or `uplink:<name>` */
  readonly of: string
  readonly kind: TrustEnd['kind'] | 'registry-key'
  readonly at: Date
  /** Days before the end at which it is told, the last that was reached; 0 once it has ended. */
  readonly stage: number
  /** A sentence without a full stop. */
  readonly text: string
}

const DAY = 86_400_000
/** A ceremony takes weeks to call together. */
const OWN = [30, 7, 1, 0] as const
/** Others see to it, in time: nothing to do here but to see that it arrives. */
const OF_OTHERS = [7, 1, 0] as const
/** Signed anew by a machine, every day or every few: near its end only when nobody did, or when it cannot be fetched. */
const ONLINE = [1, 0] as const
const FETCHED_LATELY = 1.5 * DAY

const WORDS: Readonly<Record<TrustAlarm['kind'], string>> = {
  ca: 'its last certificate authority',
  ctlog: 'its last certificate transparency log',
  tlog: 'its last transparency log',
  tsa: 'its last timestamp authority',
  'tuf-root': 'the root metadata of its TUF repository',
  'tuf-targets': 'the targets metadata of its TUF repository',
  'tuf-snapshot': 'the snapshot of its TUF repository',
  'tuf-timestamp': 'the timestamp of its TUF repository',
  'registry-key': 'the last key of its registry',
}

const AFTER: Readonly<Record<TrustAlarm['kind'], string>> = {
  ca: 'what is signed after that does not verify',
  ctlog: 'certificates issued after that do not verify',
  tlog: 'what is signed after that does not verify',
  tsa: 'what is stamped after that does not verify',
  'tuf-root': 'nothing newer is taken from it after that, and what is here stays in force',
  'tuf-targets': 'nothing newer is taken from it after that, and what is here stays in force',
  'tuf-snapshot': 'nothing newer is taken from it after that, and what is here stays in force',
  'tuf-timestamp': 'nothing newer is taken from it after that, and what is here stays in force',
  'registry-key': 'what is published after that does not verify',
}

/** Soonest first. */
export function trustAlarms({ instances, uplinks }: { readonly instances: readonly InstanceState[]; readonly uplinks: readonly TrustState[] }, now: Date): readonly TrustAlarm[] {
  const ofInstances = instances.flatMap((state) =>
    state.ends.flatMap((end) => alarmOf({ of: `instance:${state.instance}`, who: `Sigstore instance ${state.instance}`, ...end, stages: stagesOf(state, end, now) }, now)))
  // Registries of others announce the next key over TUF; where a file says the keys, nobody does.
  const ofKeys = uplinks.flatMap(({ uplink, keyExpires: at, keySource }) =>
    at === undefined ? [] : alarmOf({ of: `uplink:${uplink}`, who: `uplink ${uplink}`, kind: 'registry-key', at, stages: keySource === 'tuf' ? OF_OTHERS : OWN }, now))
  return [...ofInstances, ...ofKeys].sort((a, b) => a.at.getTime() - b.at.getTime())
}

function stagesOf({ asOf }: InstanceState, { kind, at, isOwn }: TrustEnd, now: Date): readonly number[] {
  if (kind !== 'tuf-timestamp' && kind !== 'tuf-snapshot') return isOwn ? OWN : OF_OTHERS
  const isFresh = asOf !== undefined && now.getTime() - asOf.getTime() < FETCHED_LATELY
  return isFresh && at > now ? [] : ONLINE
}

interface Ending extends Pick<TrustAlarm, 'of' | 'kind' | 'at'> {
  readonly who: string
  readonly stages: readonly number[]
}

function alarmOf({ of, who, kind, at, stages }: Ending, now: Date): readonly TrustAlarm[] {
  const left = at.getTime() - now.getTime()
  const stage = stages.findLast((days) => left <= days * DAY)
  if (stage === undefined) return []
  const day = at.toISOString().slice(0, 10)
  const says = left <= 0 ? `ended on ${day}` : `ends on ${day}, in ${left < 2 * DAY ? `${String(Math.max(1, Math.round(left / 3_600_000)))} hours` : `${String(Math.floor(left / DAY))} days`}`
  return [{ of, kind, at, stage, text: `${who}: ${WORDS[kind]} ${says}; ${left <= 0 ? AFTER[kind].replace('after that', 'since then') : AFTER[kind]}` }]
}
