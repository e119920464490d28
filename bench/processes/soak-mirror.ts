/** The mirror of the soak, as `serve` runs it, but by a fast clock: `node soak-mirror.ts CONFIG ORIGIN SPEED`. */
import { startMirror } from '../../plugin/cli/mirror.ts'
import { readYaml } from '../../plugin/config/yaml.ts'
import { replaceForTests } from '../../plugin/plugin.ts'
import { fastClock } from '../soak/clock.ts'

const [config = '', origin = '0', speed = '1'] = process.argv.slice(2)
replaceForTests({ clock: fastClock(Number(origin), Number(speed)) })
const mirror = await startMirror(readYaml(config))
process.once('SIGTERM', () => {
  void mirror.close().then(() => process.exit(0))
})
process.on('unhandledRejection', (error) => {
  console.error('unhandled rejection:', error)
})
