import { area } from '.'
import { access as en } from './en/access'
import { access as zh } from './zh-CN/access'

export const access = area(en, zh)
