import { copyFileSync, existsSync, mkdirSync } from 'node:fs'
import path from 'node:path'
import { readYaml } from '../config/yaml.ts'
import { messageOf } from '../domain/errors.ts'
import { reloadOnHangUp } from './hang-up.ts'
import { collectGarbage } from './heap.ts'
import { startMirror } from './mirror.ts'
import { shutDownOnSignals } from './shut-down.ts'
import { startUpText, uplinkText } from './start-up-text.ts'
import { printable } from './terminal.ts'

export interface ServeOptions {
  readonly config?: string
  readonly listen?: string
}

/**
 * `serve`: runs the mirror until it is told to stop, and says on the terminal what is in force.
 * @throws ConfigurationError; Error when the address cannot be listened on
 */
export async function serve(options: ServeOptions): Promise<void> {
  const { file, created } = locateConfig(options.config)
  const onHangUp = reloadOnHangUp()
  const mirror = await startMirror(readYaml(file), options.listen, true)
  collectGarbage()
  onHangUp(mirror.engine, shutDownOnSignals(mirror))
  // A promise that nobody waits for is a mistake; it must not take the registry of a whole organisation down.
  process.on('unhandledRejection', (error) => {
    console.error(`unhandled rejection: ${printable(messageOf(error))}`)
  })
  for (const line of startUpText(mirror, { file, created })) console.log(line)
  // Asked of the uplinks after listening: a slow one delays nobody.
  for (const line of uplinkText(mirror.engine, await mirror.engine.probeUplinks())) console.log(printable(line))
}

/** The file to read: the one named, else `data/config.yaml`, written from the commented default when it is missing. */
function locateConfig(named: string | undefined): { readonly file: string; readonly created: boolean } {
  if (named !== undefined) return { file: path.resolve(named), created: false }
  const file = path.resolve('data/config.yaml')
  if (existsSync(file)) return { file, created: false }
  mkdirSync(path.dirname(file), { recursive: true })
  copyFileSync(new URL('../../config/config.yaml', import.meta.url), file)
  return { file, created: true }
}
