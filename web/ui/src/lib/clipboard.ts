/** Puts text on the clipboard; whether that worked. Only pages of a secure origin may. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return false
  }
}
