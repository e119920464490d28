/** Who judges: a running mirror, or this process with a mirror's own store. */
import type { PackageRef } from '../domain/package-ref.ts'
import type { Outcome } from '../domain/verdict.ts'

export interface SaidReason {
  readonly code: string
  readonly message: string
}

/** What is said of one version. */
export type Answer =
  | {
      readonly state: 'judged'
      readonly outcome: Outcome
      /** Name of the rule that decided; undefined where none did. */
      readonly rule: string | undefined
      readonly reasons: readonly SaidReason[]
      /** Policy refuses it, and `monitor` serves it. */
      readonly monitored: boolean
      /** Why a waiver excuses it. */
      readonly waiver: string | undefined
      /** As the registry has it; undefined where it has none to go by. */
      readonly integrity: string | undefined
      /** Of a refused version: the nearest one that passes. */
      readonly nearest: string | undefined
      /** Address with everything that is known of it, where somebody serves it. */
      readonly explain: string | undefined
    }
  /** No registry has it, and none had. */
  | { readonly state: 'absent' }
  /** Published at the mirror: only the running one can judge it. */
  | { readonly state: 'published-here' }

export interface KnownVersions {
  readonly versions: readonly string[]
  readonly tags: ReadonlyMap<string, string>
}

/** Rejects with Unavailable only where nothing at all can be decided, with ConfigurationError where somebody has to change something. */
export interface VerdictSource {
  /** For people: whom the answers come from. */
  readonly title: string
  /** Versions of one package, together: whatever is known of the package is read once. */
  judge(name: string, versions: readonly string[]): Promise<ReadonlyMap<string, Answer>>
  /** Told of all that will be asked about, where that spares asking one by one. Never rejects. */
  prefetch?(refs: readonly PackageRef[]): Promise<void>
  /** For specs that name no version. @throws Unavailable */
  known(name: string): Promise<KnownVersions | 'absent'>
  /** Has a version fetched, verified and kept; the verdict on it with all its bytes. */
  warm(name: string, version: string): Promise<Answer>
  /** Whether a version is kept already, as far as can be told without asking a registry; false where nobody can tell. */
  isWarm(name: string, version: string, integrity: string | undefined): Promise<boolean>
  close(): Promise<void>
}

export const undecided = (code: string, message: string): Answer => ({
  state: 'judged',
  outcome: 'unavailable',
  rule: undefined,
  reasons: [{ code, message }],
  monitored: false,
  waiver: undefined,
  integrity: undefined,
  nearest: undefined,
  explain: undefined,
})
