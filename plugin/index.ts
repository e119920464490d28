/** The plugin as Verdaccio loads it: the default export, constructed once per section that names it. */
import { keepTickShape } from './keep-ticks.ts'
import { ProvenancePlugin } from './plugin.ts'

keepTickShape()

export default ProvenancePlugin
export { ProvenancePlugin }
