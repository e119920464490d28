import path from 'node:path'
import { takeOver } from '../config/take-over.ts'
import { readYaml } from '../config/yaml.ts'
import { openKeys, parseDuration } from '../compose.ts'
import { pemOf, type Purpose } from '../compose-files.ts'
import { ConfigurationError } from '../domain/errors.ts'
import { KEY_PURPOSES, SIGNS } from './key-purposes.ts'

export interface KeysOptions {
  readonly config?: string
  readonly json?: boolean
}

export interface RotateOptions extends KeysOptions {
  /** `registry` (default), `vsa`, `archive` or `log`. */
  readonly purpose?: string
  readonly overlap: string
  readonly revoke?: boolean
}

const DEFAULT_CONFIG = 'data/config.yaml'

/**
 * `keys list`: the keys that this mirror signs with, oldest first; the lines to print.
 * @throws ConfigurationError when they cannot be read
 */
export function listKeys(options: KeysOptions): readonly string[] {
  const core = coreOf(options)
  const listed = KEY_PURPOSES.flatMap((purpose) => listedOf(core, purpose))
  if (options.json === true) return [JSON.stringify(listed, undefined, 2)]
  return listed.length === 0 ? ['no key yet: each is made when something is signed with it for the first time'] : listed.map(lineOf)
}

/**
 * `keys public`: the public key that a purpose signs with now, in PEM, for those who verify; made when there is none.
 * @throws ConfigurationError
 */
export function publicKey(purpose: string, options: KeysOptions): readonly string[] {
  return [pemOf(openKeys(coreOf(options), purposeOf(purpose)).ring.current.spki).trimEnd()]
}

/**
 * `keys rotate`: a new key signs from now on; the lines to print.
 * @throws ConfigurationError when the overlap is no span, or the keys can be neither read nor written
 */
export function rotateSigningKeys({ overlap, revoke = false, purpose = 'registry', ...options }: RotateOptions, now = new Date()): readonly string[] {
  const core = coreOf(options)
  const of = purposeOf(purpose)
  openKeys(core, of).rotate(now, { overlap: millisecondsOf(overlap), revoke })
  const listed = listedOf(core, of)
  return options.json === true ? [JSON.stringify(listed, undefined, 2)] : listed.map(lineOf)
}

function purposeOf(text: string): Purpose {
  const found = KEY_PURPOSES.find((purpose) => purpose === text)
  if (found !== undefined) return found
  throw new ConfigurationError('keys', [{ path: '', message: `"${text}" is nothing that keys are for`, remedy: `Name one of ${KEY_PURPOSES.join(', ')}.` }])
}

function millisecondsOf(span: string): number {
  try {
    return parseDuration(span)
  } catch (cause) {
    throw new ConfigurationError('--overlap', [{ path: '', message: `"${span}" is not a span of time`, remedy: 'Write it as 0, 12h or 7d.' }], { cause })
  }
}

const coreOf = ({ config }: KeysOptions): ReturnType<typeof takeOver>['config'] => takeOver(readYaml(path.resolve(config ?? DEFAULT_CONFIG))).config

interface Listed {
  readonly keyid: string
  readonly purpose: Purpose
  readonly created: string
  readonly expires: string | null
  readonly signs: boolean
}

const listedOf = (core: ReturnType<typeof coreOf>, purpose: Purpose): readonly Listed[] =>
  openKeys(core, purpose).ring.keys.map(({ keyid, created, expires }) => ({
    keyid,
    purpose,
    created: created.toISOString(),
    expires: expires?.toISOString() ?? null,
    signs: expires === null,
  }))

const lineOf = ({ keyid, purpose, created, expires }: Listed): string =>
  `${keyid}  made ${created}  ${expires === null ? `signs ${SIGNS[purpose]}` : `for ${SIGNS[purpose]} before ${expires}`}`
