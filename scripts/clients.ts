/** `npm run clients`: the package managers of the client matrix. */
import * as programs from '../test/clients/support/programs.ts'
import { installPrograms } from './install-programs.ts'

process.exit(installPrograms(programs, 'the clients are there'))
