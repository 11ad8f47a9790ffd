/** A value that is written and never shown again. */
export interface Secret {
  id: number
  name: string
  value: string
  /** Whether the server has one under this name. */
  isStored: boolean
  isRemoved: boolean
}

export function storedSecrets(names: readonly string[]): Secret[] {
  return names.map((name, id) => ({ id, name, value: '', isStored: true, isRemoved: false }))
}

/** What is to be sent: stored ones stay unless they get another value or are taken away, which is a null. */
export function changesOf(secrets: readonly Secret[]): Record<string, string | null> {
  const changes: Record<string, string | null> = {}
  for (const { name, value, isStored, isRemoved } of secrets) {
    if (isStored && isRemoved) changes[name] = null
    else if (name.trim() !== '' && !isRemoved && (!isStored || value !== '')) changes[name.trim()] = value
  }
  return changes
}

/** The same for something new, which has none to take away. */
export function valuesIn(secrets: readonly Secret[]): Record<string, string> {
  const entries = Object.entries(changesOf(secrets))
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => entry[1] !== null))
}
