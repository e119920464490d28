/** Asks a running mirror, over `/-/provenance/v1/check`; and `…/packages` for what that did not answer, or where the mirror has none yet. */
import { ConfigurationError, messageOf, Unavailable } from '../domain/errors.ts'
import { isObject, own, ownObject, ownString, type JsonObject } from '../domain/json.ts'
import { specOf, tarballFileName, type PackageRef } from '../domain/package-ref.ts'
import { undecided, type Answer, type KnownVersions, type SaidReason, type VerdictSource } from './source.ts'

export interface MirrorOptions {
  /** Address of the mirror, with its path if it has one. */
  readonly url: URL
  /** Sent as a bearer token. */
  readonly token: string | undefined
  /** Milliseconds an answer may take: the mirror may have to verify first. */
  readonly timeout?: number
}

const PATIENCE = 120_000
/** Versions in a question. */
const BATCH = 250
const AT_ONCE = 4

export class MirrorSource implements VerdictSource {
  readonly title: string
  readonly #base: string
  readonly #options: MirrorOptions
  /** By spec, from `prefetch`. */
  readonly #fetched = new Map<string, Answer>()

  private constructor(options: MirrorOptions) {
    this.#options = options
    this.#base = options.url.href.replace(/\/+$/, '')
    this.title = `the mirror at ${this.#base}/`
  }

  /** @throws ConfigurationError when there is no mirror of this kind; Unavailable when nothing answers, or it cannot judge now */
  static async open(options: MirrorOptions): Promise<MirrorSource> {
    const source = new MirrorSource(options)
    const { status, body } = await source.#get('/-/provenance/ready')
    if (typeof body?.ready !== 'boolean') throw source.#mistake(`is no mirror of this kind (${String(status)})`, 'Name the address that clients have in their .npmrc.')
    if (!body.ready) throw new Unavailable('trust-material-stale', `${source.title} is not ready: ${textsOf(body, 'problems').join('; ')}`)
    return source
  }

  async judge(name: string, versions: readonly string[]): Promise<ReadonlyMap<string, Answer>> {
    const answers = new Map<string, Answer>()
    for (const version of versions) answers.set(version, this.#fetched.get(specOf({ name, version })) ?? (await this.#judgeOne(name, version)))
    return answers
  }

  async prefetch(refs: readonly PackageRef[]): Promise<void> {
    const specs = [...new Set(refs.map(specOf))]
    // One more request than it spares would be no gain.
    if (specs.length < 2) return
    const batches = Array.from({ length: Math.ceil(specs.length / BATCH) }, (_, index) => specs.slice(index * BATCH, (index + 1) * BATCH))
    await Promise.all(Array.from({ length: AT_ONCE }, async () => {
      for (let batch = batches.shift(); batch !== undefined; batch = batches.shift()) if (!(await this.#fetch(batch))) return
    }))
  }

  async known(name: string): Promise<KnownVersions | 'absent'> {
    const { status, body } = await this.#ask(`/-/provenance/v1/packages/${encodeURIComponent(name)}`, name)
    if (status === 404) return 'absent'
    const versions = ownObject(body ?? {}, 'versions')
    if (status !== 200 || versions === undefined) return status === 200 ? 'absent' : this.#unavailable(status, body)
    const tags = ownObject(body ?? {}, 'distTags') ?? {}
    return {
      versions: Object.keys(versions),
      tags: new Map(Object.entries(tags).filter((entry): entry is [string, string] => typeof entry[1] === 'string')),
    }
  }

  async warm(name: string, version: string): Promise<Answer> {
    const file = encodeURIComponent(tarballFileName({ name, version }))
    // A HEAD has everything verified that a GET has.
    const { status } = await this.#ask(`/${encodeURIComponent(name)}/-/${file}`, name, 'HEAD')
    if (status === 404) return { state: 'absent' }
    const answer = await this.#judgeOne(name, version)
    if (status === 200 || answer.state !== 'judged' || answer.outcome === 'deny' || answer.outcome === 'unavailable') return answer
    // Its bytes were looked at since, and what was found is told with the tarball only.
    return this.#refusalOf(name, file)
  }

  isWarm(): Promise<boolean> {
    return Promise.resolve(false)
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  /** Whether it was answered: what was not is asked for one by one, which also says why. */
  async #fetch(specs: readonly string[]): Promise<boolean> {
    try {
      const { status, body } = await this.#get('/-/provenance/v1/check', 'POST', { specs })
      const results = status === 200 ? own(body ?? {}, 'results') : undefined
      if (!Array.isArray(results)) return false
      for (const result of results.filter(isObject)) {
        const [name, version, answer] = [ownString(result, 'package'), ownString(result, 'version'), answerOfResult(result)]
        if (name !== undefined && version !== undefined && answer !== undefined) this.#fetched.set(specOf({ name, version }), answer)
      }
      return true
    } catch (error) {
      if (error instanceof Unavailable) return false
      throw error
    }
  }

  async #judgeOne(name: string, version: string): Promise<Answer> {
    const path = `/-/provenance/v1/packages/${encodeURIComponent(name)}/${encodeURIComponent(version)}`
    try {
      const { status, body } = await this.#ask(path, name)
      if (status === 404) return { state: 'absent' }
      if (status === 200 && body !== undefined) return answerOf(body, `${this.#base}${path}`)
      return this.#unavailable(status, body)
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error
      return undecided(error.reason.code, error.reason.message)
    }
  }

  async #refusalOf(name: string, file: string): Promise<Answer> {
    const { status, body } = await this.#ask(`/${encodeURIComponent(name)}/-/${file}`, name, 'GET', 'refusal')
    if (status !== 403 || body === undefined) return this.#unavailable(status, body)
    return answerOf({ outcome: 'deny', ...body }, ownString(body, 'explain'))
  }

  /** @throws ConfigurationError where the mirror asks for other credentials */
  async #ask(path: string, name: string, method = 'GET', want: 'document' | 'refusal' = 'document'): Promise<Received> {
    const received = await this.#get(path, method)
    const isVerdict = want === 'refusal' || method === 'HEAD'
    if (received.status === 401 || (received.status === 403 && !isVerdict))
      throw this.#mistake(`does not let you read ${name} (${String(received.status)})`, 'Log in with npm, or name a variable that holds a token with --token-env.')
    return received
  }

  async #get(path: string, method = 'GET', question?: JsonObject): Promise<Received> {
    const { token, timeout = PATIENCE } = this.#options
    try {
      const response = await fetch(`${this.#base}${path}`, {
        method,
        // A token goes to the mirror and nowhere else.
        redirect: 'manual',
        headers: { accept: 'application/json', ...(question === undefined ? {} : { 'content-type': 'application/json' }), ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
        signal: AbortSignal.timeout(timeout),
        ...(question === undefined ? {} : { body: JSON.stringify(question) }),
      })
      const type = response.headers.get('content-type') ?? ''
      const isJson = type.startsWith('application/json')
      if (!isJson) await response.body?.cancel()
      const body: unknown = isJson && method !== 'HEAD' ? await response.json() : undefined
      return { status: response.status, body: isObject(body) ? body : undefined }
    } catch (cause) {
      const why = cause instanceof Error && cause.cause !== undefined ? messageOf(cause.cause) : messageOf(cause)
      throw new Unavailable('evidence-unavailable', `${this.title} does not answer: ${why}`, { cause })
    }
  }

  #unavailable(status: number, body: JsonObject | undefined): never {
    const [first] = reasonsOf(body ?? {})
    const said = first?.message ?? ownString(body ?? {}, 'error') ?? `it answered ${String(status)}`
    throw new Unavailable('evidence-unavailable', `${this.title}: ${said}`)
  }

  #mistake(message: string, remedy: string): ConfigurationError {
    return new ConfigurationError(this.#base, [{ path: '', message, remedy }])
  }
}

interface Received {
  readonly status: number
  readonly body: JsonObject | undefined
}

/** Undefined where the mirror asked nobody about it, or may not tell. */
function answerOfResult(result: JsonObject): Answer | undefined {
  const verdict = ownObject(result, 'verdict')
  if (own(result, 'asked') === false || verdict === undefined) return undefined
  if (own(result, 'status') === 404) return { state: 'absent' }
  if (own(result, 'status') !== undefined) return undefined
  const [integrity, nearestAllowed] = [ownString(result, 'integrity'), ownString(result, 'nearestAllowed')]
  return answerOf({ ...verdict, ...(integrity === undefined ? {} : { integrity }), ...(nearestAllowed === undefined ? {} : { nearestAllowed }) }, ownString(result, 'explain'))
}

const OUTCOMES = ['allow', 'warn', 'deny', 'unavailable'] as const

/** A document that says no outcome says nothing: it is never taken for an `allow`. */
function answerOf(body: JsonObject, explain: string | undefined): Answer {
  const outcome = OUTCOMES.find((one) => one === own(body, 'outcome'))
  if (outcome === undefined) return undecided('internal-error', 'the mirror gave an answer without an outcome')
  const waiver = ownObject(body, 'waiver')
  const reasons = reasonsOf(body)
  return {
    state: 'judged',
    outcome,
    rule: ownString(body, 'rule'),
    reasons: reasons.length === 0 && outcome !== 'allow' ? [{ code: 'internal-error', message: 'the mirror gave no reason' }] : reasons,
    monitored: own(body, 'monitored') === true,
    waiver: waiver === undefined ? undefined : ownString(waiver, 'reason'),
    integrity: ownString(body, 'integrity'),
    nearest: ownString(body, 'nearestAllowed'),
    explain,
  }
}

const CODE = /^[a-z][a-z\d-]{0,59}$/

function reasonsOf(body: JsonObject): readonly SaidReason[] {
  const reasons = own(body, 'reasons')
  if (!Array.isArray(reasons)) return []
  return reasons.filter(isObject).flatMap((reason) => {
    const [code, message] = [ownString(reason, 'code'), ownString(reason, 'message')]
    if (code === undefined) return []
    // A newer mirror may have codes that are not known here; they are words all the same.
    return [CODE.test(code) ? { code, message: message ?? code } : { code: 'internal-error', message: message ?? 'the mirror gave no reason' }]
  })
}

const textsOf = (body: JsonObject, key: string): readonly string[] => {
  const value = own(body, key)
  return Array.isArray(value) ? value.map(String) : []
}
