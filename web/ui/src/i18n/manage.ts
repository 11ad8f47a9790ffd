import { area } from '.'
import { manage as en } from './en/manage'
import { manage as zh } from './zh-CN/manage'

export const manage = area(en, zh)
