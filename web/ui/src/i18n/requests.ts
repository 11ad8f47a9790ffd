import { area } from '.'
import { requests as en } from './en/requests'
import { requests as zh } from './zh-CN/requests'

export const requests = area(en, zh)
