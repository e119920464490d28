import { writeFileSync } from 'node:fs'
import { ConfigurationError } from '../domain/errors.ts'
import { specOf, splitSpec, type PackageRef } from '../domain/package-ref.ts'
import { summaryFor } from '../http/vsa.ts'
import { notDecided } from './check.ts'
import { EXIT } from './exit-codes.ts'
import { withOwnMirror } from './own-mirror.ts'
import { usage } from './usage.ts'
import { printable } from './terminal.ts'

export interface AttestOptions {
  readonly config?: string
  readonly output?: string
}

/**
 * `attest`: a signed verification summary of a version that passes, as `/-/provenance/v1/vsa/` gives it. Returns the exit code.
 * @throws ConfigurationError
 */
export async function attestCommand(spec: string, { config, output }: AttestOptions): Promise<number> {
  const ref = refOf(spec)
  try {
    return await withOwnMirror(config === undefined ? {} : { config }, async ({ pipeline, configuration, routes, trustKeeper }) => {
      const document = async (): Promise<Uint8Array | undefined> => {
        const found = await pipeline.attestations(ref)
        return found === 'absent' ? undefined : found
      }
      const base = configuration.publicUrls[0]?.href.replace(/\/$/, '')
      const issue = (): ReturnType<typeof summaryFor> => summaryFor(ref, { pipeline, document, base }, routes)
      let issued = await issue()
      if (issued.kind === 'refused' && issued.judgement.verdict.reasons.some(({ code }) => code === 'trust-material-stale')) {
        // Nobody tries again for a command.
        await trustKeeper.settled()
        issued = await issue()
      }
      if (issued.kind === 'issued') {
        write(JSON.stringify(issued.envelope), output)
        return EXIT.fine
      }
      if (issued.kind !== 'refused') {
        if (routes.publishedHere.has(ref.name)) throw usage(spec, `${ref.name} is published at this mirror`, `Ask the mirror that runs: GET /-/provenance/v1/vsa/${ref.name}/${ref.version}.`)
        console.error(issued.kind === 'withdrawn' ? `${specOf(ref)} was here and its registry no longer has it` : `no registry behind the mirror has ${specOf(ref)}`)
        return EXIT.refused
      }
      const { verdict } = issued.judgement
      console.error(`no summary of ${specOf(ref)}: ${verdict.outcome === 'unavailable' ? 'it cannot be decided now' : 'it does not pass'} (policy rule "${verdict.rule}")`)
      for (const { code, message } of verdict.reasons) console.error(`  ${code}: ${printable(message)}`)
      return verdict.outcome === 'unavailable' ? EXIT.undecided : EXIT.refused
    })
  } catch (error) {
    if (error instanceof ConfigurationError) throw error
    return notDecided(error)
  }
}

function refOf(spec: string): PackageRef {
  const { name, version } = splitSpec(spec)
  if (name === '' || version === undefined || version === '') throw usage(spec, 'is not a version', 'Name it as NAME@VERSION.')
  return { name, version }
}

function write(text: string, output: string | undefined): void {
  if (output === undefined) console.log(text)
  else writeFileSync(output, `${text}\n`)
}
