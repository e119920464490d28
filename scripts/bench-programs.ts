/** `npm run bench:programs`: what the benchmark compares with, and the npm it runs. */
import * as programs from '../bench/programs.ts'
import { installPrograms } from './install-programs.ts'

process.exit(installPrograms(programs, 'the programs are there'))
