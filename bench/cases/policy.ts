/** Evaluating a policy: a listing of many versions against many rules, and how it grows. Pure, so nothing else is running. */
import type { Candidate } from '../../plugin/domain/evidence.ts'
import { NO_HISTORY, NO_PINS } from '../../plugin/domain/history.ts'
import { parseIntegrity, sriOf } from '../../plugin/domain/integrity.ts'
import { parsePolicy, type TrustPolicy } from '../../plugin/policy/index.ts'
import { withHistory } from '../../plugin/pipeline/history.ts'
import { identity, NOW } from '../../test/unit/policy/support.ts'
import { median } from './micro.ts'
import type { Context } from '../context.ts'
import { atMost, type Section } from '../report/section.ts'
import { figure } from '../statistics.ts'

const DAY = 86_400_000
const IDENTITY = identity()

/** Versions of ten release lines, one in three with provenance, the newest too young: every check has something to look at. */
function versions(count: number): Promise<readonly Candidate[]> {
  const integrity = parseIntegrity(sriOf('ab'.repeat(64)))
  const all = Array.from({ length: count }, (_, index): Candidate => {
    const notBefore = new Date(NOW.getTime() - ((count - index) * DAY) / 4)
    return {
      ref: { name: 'widget', version: `${index % 10}.${Math.floor(index / 10)}.0` },
      uplink: 'main',
      origin: 'upstream',
      uplinkSigns: true,
      integrity,
      faults: [],
      warnings: [],
      signature: { state: 'verified', facts: { keyid: 'SHA256:bench', keyExpires: null } },
      publishAttestation: { state: 'absent' },
      provenance:
        index % 3 === 0
          ? { state: 'verified', facts: { predicateType: 'https://slsa.dev/provenance/v1', buildType: '', identity: IDENTITY, loggedAt: notBefore.toISOString(), logIndex: '1' } }
          : { state: 'absent' },
      claims: { published: notBefore, trustedPublisher: false, stagedPublish: false },
      notBefore,
      history: NO_HISTORY,
      pins: NO_PINS,
      contents: undefined,
      foreignDependencies: [],
    }
  })
  return withHistory(all)
}

/** Patterns that nearly match, names of others, and one in fifty a range of the package itself; the last one decides. */
function policyOf(rules: number): TrustPolicy {
  const others = Array.from({ length: rules - 1 }, (_, index) => ({
    packages: index % 50 === 0 ? [`widget@>=${90 + index}`] : index % 2 === 0 ? [`widget-*-${index}`, `@acme${index}/*`] : [`package-${index}`, `other-${index}`],
    require: { provenance: { issuer: 'github-actions', sourceRepository: `https://github.com/acme${index}/*` } },
  }))
  const last = {
    packages: ['widget', 'widget-*'],
    require: {
      provenance: 'ifPresent',
      anyOf: [{ provenance: { issuer: 'github-actions', sourceRepository: 'https://github.com/acme/*', sourceRef: 'refs/tags/v{version}' } }, { minimumReleaseAge: '14d' }],
    },
  }
  return parsePolicy({ version: 1, extends: 'strict', rules: [...others, last] }, 'the benchmark', { now: NOW })
}

const QUICK_SIZES = [600, 3000]
const SIZES = [...QUICK_SIZES, 20_000]
const RULES = [1, 200, 1000]

/** The row that others are compared with. */
const REFERENCE = { versions: 3000, rules: 1 }

/** Milliseconds for all versions of a package, one row per size and number of rules. */
export async function policy(context: Context): Promise<Section> {
  const found: { readonly versions: number; readonly rules: number; readonly milliseconds: number }[] = []
  for (const size of context.quick ? QUICK_SIZES : SIZES) {
    const candidates = await versions(size)
    for (const rules of RULES) {
      context.say(`${size} versions, ${rules} rules`)
      const compiled = policyOf(rules)
      const milliseconds = median(() => {
        for (const candidate of candidates) compiled.evaluate(candidate, 'listing', NOW)
      })
      found.push({ versions: size, rules, milliseconds })
    }
  }
  const reference = found.find(({ versions, rules }) => versions === REFERENCE.versions && rules === REFERENCE.rules)?.milliseconds ?? NaN
  const rows = found.map(({ versions, rules, milliseconds }) => [
    `${versions.toLocaleString('en-US')} versions, ${rules.toLocaleString('en-US')} rules`,
    figure(milliseconds),
    figure(milliseconds / reference),
  ])
  return {
    tables: [{ title: 'Verdicts of all versions of a package, facts at hand', columns: ['', 'ms', 'of 3,000 versions, 1 rule'], rows }],
    targets: atMost('verdicts of 3,000 versions', 20, reference, (value) => `${figure(value)} ms`),
    notes: [],
  }
}
