import { expect, test } from 'vitest'
import { changesOf, storedSecrets, valuesIn } from './secrets'

const fresh = (name: string, value: string) => ({ id: 9, name, value, isStored: false, isRemoved: false })

test('stored values that nobody touched are not sent', () => {
  expect(changesOf(storedSecrets(['TOKEN', 'URL']))).toEqual({})
})

test('a stored value that is taken away is null, and one that is written anew is replaced', () => {
  const [token, url] = storedSecrets(['TOKEN', 'URL'])
  expect(
    token &&
      url &&
      changesOf([
        { ...token, isRemoved: true },
        { ...url, value: 'x' },
      ]),
  ).toEqual({
    TOKEN: null,
    URL: 'x',
  })
})

test('a new one may be empty, but not without a name', () => {
  expect(valuesIn([fresh(' DEBUG ', ''), fresh('', 'x')])).toEqual({ DEBUG: '' })
})
