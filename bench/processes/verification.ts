/** Verification alone, on all cores: `node verification.ts DOCUMENTS SIGNATURES ROUNDS WORKERS…` prints a JSON array of `Measured`, medians, one for each number of workers. */
import type { JsonObject } from '../../plugin/domain/json.ts'
import type { AttestationTask, SignatureTask, TrustMaterial, Verifier } from '../../plugin/domain/ports.ts'
import { buildTrustMaterial, createVerifier, parseRegistryKeys, parseTrustedRoot } from '../../plugin/verify/index.ts'
import { PrivateSigstore, REGISTRY } from '../../test/support/private-sigstore.ts'
import { median } from '../statistics.ts'
import { generate, type GeneratedPackage } from '../upstream/generated.ts'
import { SIGSTORE } from '../upstream/sigstore.ts'

export interface Measured {
  readonly workers: number
  /** Documents a second, each a publish attestation and a keyless provenance. */
  readonly documentsPerSecond: number
  /** Milliseconds for all registry signatures. */
  readonly signatures: number
  /** Milliseconds of CPU of the longest turn of the main thread meanwhile. */
  readonly held: number
}

interface Manifest {
  readonly dist: { readonly integrity: string; readonly signatures: SignatureTask['signatures'] }
}

const manifestsOf = ({ packument }: GeneratedPackage): readonly (readonly [string, Manifest])[] =>
  Object.entries(packument.versions as JsonObject).map(([version, manifest]) => [version, manifest as unknown as Manifest] as const)

function generated(name: string, sigstore: PrivateSigstore): GeneratedPackage {
  const made = generate(name, REGISTRY, sigstore)
  if (made === undefined) throw new RangeError(`no package ${name}`)
  return made
}

function attestationTasks(name: string, made: GeneratedPackage): readonly AttestationTask[] {
  return manifestsOf(made).map(([version, { dist }]) => ({
    ref: { name, version },
    sha512: Buffer.from(dist.integrity.slice('sha512-'.length), 'base64').toString('hex'),
    document: Buffer.from(JSON.stringify(made.attestations.get(version))),
    registry: REGISTRY,
  }))
}

const signatureTasks = (made: GeneratedPackage): readonly SignatureTask[] =>
  manifestsOf(made).map(([version, { dist }]) => ({ version, integrity: dist.integrity, signatures: dist.signatures }))

/** Runs `work` and returns how long it took and how long the event loop was held, of the main thread's CPU. */
async function timed(work: () => Promise<unknown>): Promise<{ readonly wall: number; readonly held: number }> {
  const cpu = (): number => {
    const { user, system } = process.threadCpuUsage()
    return (user + system) / 1000
  }
  let last = cpu()
  let held = 0
  const turn = (): void => {
    const now = cpu()
    held = Math.max(held, now - last)
    last = now
  }
  const timer = setInterval(turn, 1)
  const from = performance.now()
  await work()
  const wall = performance.now() - from
  turn()
  clearInterval(timer)
  return { wall, held }
}

async function verifyAll(verifier: Verifier, tasks: readonly AttestationTask[], trust: TrustMaterial): Promise<void> {
  const results = await Promise.all(tasks.map((task) => verifier.attestations(task, trust)))
  const bad = results.find(({ result }) => result.provenance.state !== 'verified')
  if (bad !== undefined) throw new Error(`the benchmark's own provenance does not verify: ${JSON.stringify(bad.result)}`)
}

const [documents = 0, signatures = 0, roundCount = 1, ...workers] = process.argv.slice(2).map(Number)
const sigstore = PrivateSigstore.create({ name: SIGSTORE })
const source = { trustedRoot: 'benchmark', registryKeys: 'benchmark' }
const trust = buildTrustMaterial({
  trustedRoot: parseTrustedRoot(sigstore.trustedRoot(), source.trustedRoot),
  registryKeys: parseRegistryKeys(sigstore.registryKeys(), source.registryKeys),
  source,
})
const claimed = `bench-claimed-${documents}`
const signed = `bench-${signatures}`
const toVerify = attestationTasks(claimed, generated(claimed, sigstore))
const toCheck = signatureTasks(generated(signed, sigstore))

async function measure(size: number): Promise<Measured> {
  const verifier = createVerifier({ size })
  // Twice: threads start, and compile, at the first.
  await verifyAll(verifier, toVerify, trust)
  const { wall } = await timed(() => verifyAll(verifier, toVerify, trust))
  await verifier.signatures(signed, toCheck.slice(0, 500), trust)
  const checked = await timed(() => verifier.signatures(signed, toCheck, trust))
  await verifier.close()
  return { workers: size, documentsPerSecond: (toVerify.length * 1000) / wall, signatures: checked.wall, held: checked.held }
}

const rounds: Measured[] = []
for (let round = 0; round < roundCount; round++) for (const size of workers) rounds.push(await measure(size))
const found = workers.map((size): Measured => {
  const of = rounds.filter((measured) => measured.workers === size)
  const middle = (field: keyof Measured): number => median(of.map((measured) => measured[field]))
  return { workers: size, documentsPerSecond: middle('documentsPerSecond'), signatures: middle('signatures'), held: middle('held') }
})
console.log(JSON.stringify(found))
