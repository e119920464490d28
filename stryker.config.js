/**
 * Mutation runs, one suite at a time: `MUTATE=policy/downgrade stryker run`. How to set it up, and what a run found: docs/mutation.md.
 * A suite is a file of `plugin/` and the tests that speak of it: with all tests for each mutant a run would take days.
 */
const unit = (...names) => names.map((name) => `test/unit/${name}.test.ts`)
const policy = (...names) => unit(...names.map((name) => `policy/${name}`))
const enforce = unit('enforce/compare', 'enforce/dist-tags', 'enforce/foreign', 'enforce/repository', 'enforce/rewrite', 'enforce/tarball')

const SUITES = {
  'policy/downgrade': policy('downgrade'),
  'policy/pin': policy('pin'),
  'policy/contents': policy('contents'),
  'policy/waiver': policy('waivers', 'pinned'),
  'policy/evaluate': policy('evaluate', 'waivers', 'pinned', 'origin', 'condition'),
  'policy/requirements': policy('evaluate', 'origin', 'identity'),
  'policy/rules': policy('rules', 'origin', 'include', 'evaluate', 'condition'),
  'policy/hints': policy('waivers', 'identity'),
  'policy/identity': policy('identity', 'parse'),
  'policy/scope': policy('include'),
  'policy/finding': policy('evaluate', 'downgrade', 'waivers'),
  'policy/package-pattern': policy('rules', 'waivers', 'parse', 'glob'),
  'policy/duration': policy('duration', 'downgrade'),
  'policy/condition': policy('condition', 'parse'),
  'policy/condition-variables': policy('condition'),
  'policy/include': policy('include'),
  'policy/glob': policy('glob'),
  'pipeline/history': unit('pipeline/history', 'domain/chronology'),
  'domain/chronology': unit('pipeline/history', 'domain/chronology'),
  'domain/pins': unit('domain/pins'),
  'pipeline/candidate': unit('pipeline/candidate', 'pipeline/origin'),
  'pipeline/pinned': unit('pipeline/pinned'),
  'pipeline/tarball': unit('pipeline/tarball'),
  'enforce/*': enforce,
  'verify/fulcio-claims': unit('verify/fulcio-claims'),
  'verify/registry-signature': unit('verify/registry-signature'),
  'verify/registry-keys': unit('verify/registry-signature', 'verify/trust-material'),
  'verify/predicate-*': unit('verify/agreement'),
  'verify/trusted-root': unit('verify/trust-material'),
  'verify/bundle': unit('verify/attestations'),
  'verify/statement': unit('verify/attestations'),
  'verify/publish-attestation': unit('verify/attestations'),
  'verify/provenance': unit('verify/attestations'),
  'verify/bundle-anchors': unit('verify/attestations', 'verify/unknown-anchor'),
  'verify/attestation-document': unit('verify/attestations'),
}

const name = process.env.MUTATE ?? 'policy/downgrade'
const spec = SUITES[name]
if (spec === undefined) throw new Error(`MUTATE is one of ${Object.keys(SUITES).join(', ')}`)

export default {
  testRunner: 'mocha',
  plugins: ['@stryker-mutator/mocha-runner'],
  coverageAnalysis: 'perTest',
  // The sources run as they stand, types stripped: nothing is to be written into them for a type checker.
  disableTypeChecks: false,
  concurrency: 1,
  mutate: [`plugin/${name}.ts`],
  // What is slower with mutants in it says nothing about them.
  mochaOptions: { extension: ['ts'], spec, require: ['./test/support/hooks.ts'], grep: '/^(?!.*(within a second|milliseconds))/' },
  // Each of them would cost a process of its own; STATIC=1 runs them.
  ignoreStatic: process.env.STATIC !== '1',
  ignorePatterns: ['dist', 'bench', 'reports', '/test/fuzz', '/test/clients'],
  reporters: ['clear-text', 'progress-append-only', 'json'],
  jsonReporter: { fileName: `reports/mutation/${name.replace('/', '-').replace('*', 'all')}.json` },
  timeoutMS: 4000,
}
