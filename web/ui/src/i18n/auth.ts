import { area } from '.'
import { auth as en } from './en/auth'
import { auth as zh } from './zh-CN/auth'

export const auth = area(en, zh)
