/** A variable of the environment, for commands: tokens, and where a client keeps its settings. Of the wiring, and light enough to load by itself. */
export const environmentVariable = (name: string): string | undefined => process.env[name]
