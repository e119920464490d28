import { isatty } from 'node:tty'
import { reloadText, type Engine } from '../compose.ts'
import { EXIT } from './exit-codes.ts'

/**
 * SIGHUP: the policy is read again. A terminal that is closed sends it too, and ends what was started in it, as it does with any
 * other program: else a mirror that nobody sees would keep the port.
 * @returns what gives it a mirror; until then the signal is only kept from ending the process
 */
export function reloadOnHangUp(): (engine: Engine, stop: () => void) => void {
  let reload = (): void => undefined
  let end = (): void => process.exit(EXIT.fine)
  const onTerminal = isatty(STDOUT)
  process.on('SIGHUP', () => {
    if (onTerminal && !isatty(STDOUT)) end()
    else reload()
  })
  return ({ rollout }, stop) => {
    end = stop
    reload = () => {
      const result = rollout.reload('signal')
      for (const line of [`SIGHUP: ${reloadText(result)}`, ...result.messages, ...rollout.concerns({ unused: true })]) console.log(line)
    }
  }
}

const STDOUT = 1
