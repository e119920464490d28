/** The token that npm would send to a mirror. */
import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import path from 'node:path'
import { environmentVariable } from '../environment.ts'
import { usage } from './usage.ts'

/** As npm finds it: the project's .npmrc, then the user's; the address with the longest path wins (npm docs, npmrc, auth). */
export function tokenFor(mirror: URL, folder: string): string | undefined {
  for (const file of [path.join(folder, '.npmrc'), environmentVariable('npm_config_userconfig') ?? path.join(homedir(), '.npmrc')]) {
    const tokens = existsSync(file) ? tokensIn(readFileSync(file, 'utf8')) : new Map<string, string>()
    for (let at = `//${mirror.host}${mirror.pathname.replace(/\/*$/, '/')}`; at.length > 2; at = at.replace(/[^/]*\/$/, '')) {
      const token = tokens.get(at) ?? tokens.get(at.replace(/\/$/, ''))
      if (token !== undefined) return token
    }
  }
  return undefined
}

/** @throws ConfigurationError when the environment has no such variable */
export function tokenFromEnvironment(name: string): string {
  const token = environmentVariable(name)
  if (token === undefined || token === '') throw usage('--token-env', `the environment has no ${name}`, 'Name a variable that holds a token.')
  return token
}

function tokensIn(text: string): ReadonlyMap<string, string> {
  const tokens = new Map<string, string>()
  for (const line of text.split('\n')) {
    const [, place, value] = /^\s*(\/\/\S+?):_authToken\s*=\s*"?(.*?)"?\s*$/.exec(line) ?? []
    const token = expanded(value ?? '')
    if (place !== undefined && token !== undefined && token !== '') tokens.set(place, token)
  }
  return tokens
}

/** `${NAME}`, as in npm; undefined where the environment lacks one: a half token is none. */
function expanded(value: string): string | undefined {
  const names = [...value.matchAll(/\$\{([^}]+)\}/g)].map(([, name = '']) => name)
  if (names.some((name) => environmentVariable(name) === undefined)) return undefined
  return value.replace(/\$\{([^}]+)\}/g, (_all, name: string) => environmentVariable(name) ?? '')
}
