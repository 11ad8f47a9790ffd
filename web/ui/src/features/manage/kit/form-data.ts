/** The values of a form as the API takes them. */
export interface FormValues {
  text: (name: string) => string
  /** Null where nothing was written. */
  optional: (name: string) => string | null
  number: (name: string) => number | null
  /** One value in each line; empty lines are none. */
  lines: (name: string) => string[]
  isOn: (name: string) => boolean
  /** The choices that are made of those with one name. */
  all: (name: string) => string[]
  file: (name: string) => File | null
}

export function valuesOf(form: FormData): FormValues {
  const text = (name: string) => String(form.get(name) ?? '').trim()
  return {
    text,
    optional: (name) => text(name) || null,
    number: (name) => (text(name) === '' ? null : Number(text(name))),
    lines: (name) =>
      text(name)
        .split('\n')
        .map((line) => line.trim())
        .filter((line) => line !== ''),
    isOn: (name) => form.has(name),
    all: (name) => form.getAll(name).map(String),
    file(name) {
      const file = form.get(name)
      return file instanceof File && file.size > 0 ? file : null
    },
  }
}

/** What is wrong with a field, or with something in it: of `/env/TOKEN` the field is `env`. */
export function errorAt(fields: Record<string, string>, name: string): string | undefined {
  const inside = Object.entries(fields).find(([pointer]) => pointer.startsWith(`${name}/`))
  return fields[name] ?? (inside && `${inside[0].slice(name.length + 1)}: ${inside[1]}`)
}

/** What is wrong with none of the fields that are shown. */
export function leftOver(fields: Record<string, string>, names: readonly string[]): string[] {
  return Object.entries(fields)
    .filter(([pointer]) => !names.includes(pointer.split('/', 1)[0] ?? ''))
    .map(([pointer, detail]) => `${pointer}: ${detail}`)
}

/** A file in base64, for a JSON body. */
export async function base64Of(file: File): Promise<string> {
  const bytes = new Uint8Array(await file.arrayBuffer())
  let binary = ''
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return btoa(binary)
}
