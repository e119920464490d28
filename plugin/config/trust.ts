import { z } from 'zod'
import type { Problem } from '../domain/errors.ts'
import { PUBLISHED_HERE } from '../domain/ports.ts'
import { httpUrl } from './values.ts'

/** Where the root of a Sigstore instance is from: a file, or a TUF repository and the root it began with. */
export const sigstoreSchema = {
  trustedRoot: z.string().min(1, 'names no file').optional(),
  tuf: z.strictObject({ mirror: httpUrl, root: z.string().min(1, 'names no file') }).optional(),
}

/** Exactly what a policy's patterns can say: whoever chooses package names must not profit from a third special character. */
const MAX_WILDCARDS = 4
const pattern = z
  .string()
  .refine((text) => /^(?:[A-Za-z0-9@._~/-]|\*{1,2}(?!\*))+$/.test(text) && text.length <= 214 && (text.match(/\*+/g)?.length ?? 0) <= MAX_WILDCARDS, {
    message: 'is not a pattern of package names',
    params: { remedy: 'Write a name, or @acme/*: * stops at a slash, ** is everything, and nothing else is special.' },
  })

/** `middlewares.provenance.trust.instances` */
export const instancesSchema = z
  .array(
    z.strictObject({
      name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,38}$/, 'is not a name of up to 39 small letters, digits and dashes'),
      ...sigstoreSchema,
      publicGood: z.literal(true, 'must be true or absent').optional(),
      packages: z.array(pattern).min(1, 'names no package'),
      uplinks: z.array(z.string()).optional(),
      local: z.boolean().default(true),
      exclusive: z.boolean().default(true),
    }),
  )
  .default([])

export interface ConfiguredInstance {
  readonly name: string
  readonly trustedRootFile: string | undefined
  /** A TUF repository of its own; with neither, it is the public-good Sigstore. */
  readonly tuf: { readonly mirror: string; readonly rootFile: string } | undefined
  /** Whether it may vouch for a package of an uplink, or of what is published here (`PUBLISHED_HERE`). */
  readonly vouchesFor: (uplink: string, name: string) => boolean
  /** Where it vouches, the default instance does not. */
  readonly exclusive: boolean
}

interface Surroundings {
  readonly uplinks: readonly string[]
  readonly at: (relative: string) => string
  readonly problems: Problem[]
}

const PLACE = 'middlewares.provenance.trust.instances'

export function configuredInstances(instances: z.output<typeof instancesSchema>, { uplinks, at, problems }: Surroundings): readonly ConfiguredInstance[] {
  const names = new Set<string>()
  return instances.map((instance, index) => {
    const told = (field: string, message: string, remedy: string): void => { problems.push({ path: `${PLACE}[${String(index)}]${field}`, message, remedy }) }
    const { name, trustedRoot, tuf, publicGood, packages, exclusive } = instance
    if (name === 'default' || names.has(name)) told('.name', `is ${name === 'default' ? 'that of the instance beside this list' : 'that of two instances'}`, 'Name each differently: what was verified is kept under its name.')
    names.add(name)
    if ([trustedRoot, tuf, publicGood].filter((one) => one !== undefined).length !== 1)
      told('', 'names no Sigstore, or several', 'Set one of trustedRoot, tuf, and publicGood: true.')
    for (const [place, pattern] of packages.entries())
      if (exclusive && pattern === '**' && instance.uplinks === undefined)
        told(`.packages[${String(place)}]`, 'leaves no package to the default instance', 'Name the packages it is for, set exclusive: false, or make it the default: trust.trustedRoot or trust.tuf.')
    for (const [place, uplink] of (instance.uplinks ?? []).entries())
      if (!uplinks.includes(uplink)) told(`.uplinks[${String(place)}]`, `there is no uplink "${uplink}"`, `Known uplinks: ${uplinks.join(', ')}.`)
    return {
      name,
      trustedRootFile: trustedRoot === undefined ? undefined : at(trustedRoot),
      tuf: tuf && { mirror: tuf.mirror, rootFile: at(tuf.root) },
      vouchesFor: vouching(instance),
      exclusive,
    }
  })
}

function vouching({ packages, uplinks, local }: z.output<typeof instancesSchema>[number]): ConfiguredInstance['vouchesFor'] {
  const patterns = packages.map(compiled)
  const from = uplinks && new Set(uplinks)
  return (uplink, name) => (uplink === PUBLISHED_HERE ? local : (from?.has(uplink) ?? true)) && patterns.some((pattern) => pattern.test(name))
}

/** Case counts: @Acme is another scope than @acme. */
const compiled = (text: string): RegExp =>
  new RegExp(`^${text.split(/(\*+)/).map((part) => (part === '**' ? '.*' : part === '*' ? '[^/]*' : part.replace(/[.]/g, '\\.'))).join('')}$`, 's')
