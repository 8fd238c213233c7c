"""The entities of the built-in schema, in the notation of notation.py.

Source: AtroCore and AtroPIM, default fields as shipped (names, types and limits; the words are ours).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.sandbox.builtin.system import (
    FILES,
    JOB,
    LOCALE,
    OLD_LOCALE,
    QUEUE_ITEM,
    SAVED_SEARCH,
    SYSTEM,
)

if TYPE_CHECKING:
    from etl.sandbox.generations import Generation

_PRODUCT = """
Product Hierarchy owned attributes classifications associates inherit inheritFields texts=name,{sku}
  name varchar required multilang
  {sku} varchar index
  description text multilang
  longDescription wysiwyg multilang
  {status} enum required default=draft options=draft,prepared,reviewed,notReady,ready
  isActive bool notNull default=false
  price float measure=currency
  rrp float min=0 default=0 measure=currency
  quantity float min=0 default=0
  ean varchar index pattern=/^(\\d{{8}}|\\d{{12,14}})$/
  mpn varchar index
  customsNumber varchar len=16
  note text
  tag multiEnum default=[]
  taskStatus multiEnum default=[] options=mar,tech,ass,img,cat,ch,pr
  data jsonObject
  brand link Brand.products
  productGroup link ProductGroup.products
  countryOfOrigin link Country.products
  defaultSupplier link Account.products
  mainImage file notStorable readOnly
  categories many Category.products ProductCategory noLoad
  files many File.products ProductFile noLoad
  channels many Channel.products ProductChannel noLoad
  classifications many Classification.products ProductClassification
  contentItems many ContentItem.products ProductContentItem noLoad
  associatedItems many Product.associatingItems AssociatedProduct noLoad
  productFiles one ProductFile.product
  productCategories one ProductCategory.product
  productChannels one ProductChannel.product
  associatedItemRelations one AssociatedProduct.associatingItem
  associatingItemRelations one AssociatedProduct.associatedItem
"""

_CATALOG_LINE = (
    "  catalog link Catalog.products\n  productAttributeValues one ProductAttributeValue.product\n"
)

_CATALOG = """
Catalog Base owned active
  name varchar required multilang
  code varchar unique
  description text multilang
  isActive bool
  categories many Category.catalogs CatalogCategory noLoad
  products one Product.catalog
"""

_PIM = """
Brand Base texts=name,code
  name varchar required multilang
  code varchar unique
  description text multilang
  isActive bool
  files many File.brands BrandFile noLoad
  products one Product.brand
Category Hierarchy owned texts=name,code
  name varchar required multilang
  code varchar unique
  description text multilang
  isActive bool notNull
  mainImage file notStorable readOnly
  products many Product.categories ProductCategory noLoad
  channels many Channel.categories CategoryChannel noLoad
  files many File.categories CategoryFile noLoad
Channel Base owned texts=name,code
  name varchar required multilang
  code varchar unique
  type enum options=general,price,stock
  locales array
  isActive bool
  products many Product.channels ProductChannel noLoad
  categories many Category.channels CategoryChannel noLoad
Classification Base owned texts=name,code
  name varchar required multilang
  code varchar
  release varchar notNull default=
  entity link Entity
  type enum default=general options=general
  description text multilang
  isActive bool
  products many Product.classifications ProductClassification noLoad
  classificationAttributes one ClassificationAttribute.classification
  together release code
ClassificationAttribute Base
  classification link Classification.classificationAttributes required
  attribute link Attribute.classificationAttributes required
  isRequired bool
  isReadOnly bool
  isProtected bool
  data jsonObject
  together classification_id attribute_id
ProductGroup Base texts=name,code
  name varchar required
  code varchar unique
  products one Product.productGroup
Country Base texts=name,code
  name varchar required
  code varchar unique
  products one Product.countryOfOrigin
Account Base texts=name,number
  name varchar required
  number varchar unique
  role multiEnum options=supplier,customer
  products one Product.defaultSupplier
Association Base owned texts=name,code
  name varchar required multilang
  code varchar unique
  isActive bool
  reverseAssociation link Association
AssociatedProduct Relation
  association link Association required
  associatingItem link Product.associatedItemRelations required
  associatedItem link Product.associatingItemRelations required
  reverseAssociation link Association
  amount float
  sorting int
  together association_id associating_item_id associated_item_id
ContentItem Base owned texts=name
  name varchar required multilang
  text text multilang
  type link ExtensibleEnumOption list=contentItemTypes
  products many Product.contentItems ProductContentItem noLoad
ProductFile Relation
  product link Product.productFiles required
  file link File.fileProducts required
  isMainImage bool
  sorting int
  tags array
  together product_id file_id
ProductCategory Relation
  product link Product required
  category link Category required
  mainCategory bool default=false
  sorting int
  together product_id category_id
CategoryFile Relation
  category link Category required
  file link File required
  isMainImage bool
  sorting int
  together category_id file_id
"""

_LISTS = """
ExtensibleEnum Base texts=name,code
  name varchar required multilang
  code varchar unique
  multilingual bool
  extensibleEnumOptions many ExtensibleEnumOption.extensibleEnums ExtensibleEnumExtensibleEnumOption noLoad
ExtensibleEnumOption Base texts=name,code
  name varchar multilang
  code varchar unique
  color color
  sortOrder int
  description text
  extensibleEnums many ExtensibleEnum.extensibleEnumOptions ExtensibleEnumExtensibleEnumOption
Measure Base texts=name,code
  name varchar required multilang
  code varchar unique
  description text multilang
  units one Unit.measure
Unit Base texts=name,code
  name varchar required multilang maxLength=255
  code varchar unique
  symbol varchar
  isActive bool default=true
  description text multilang
  measure link Measure.units required
  isMain bool
  multiplier float required default=1
  convertTo link Unit
  together measure_id name
"""

_ATTRIBUTES = """
Attribute Base owned texts=name,{code}
  name varchar required multilang
  {code} varchar{code_rules}
  type varchar required default=text
  entity link Entity required
  attributePanel link AttributePanel required
  attributeGroup link AttributeGroup.attributes
  extensibleEnum link ExtensibleEnum
  measure link Measure
  defaultUnit varchar
  channel link Channel
  compositeAttribute link Attribute
  fileType link FileType
  isMultilang bool
  isRequired bool default=false
  isReadOnly bool default=false
  isProtected bool default=false
  pattern varchar
  amountOfDigitsAfterComma int min=0
  notNull bool default=false
  trim bool default=false
  sortOrder int
  description text multilang
  data jsonObject
  classificationAttributes one ClassificationAttribute.attribute
  together entity_id {code}
AttributeGroup Base owned texts=name,code
  name varchar required multilang
  code varchar unique
  entity link Entity
  sortOrder int
  attributes one Attribute.attributeGroup
AttributePanel ReferenceData texts=name,code
  name varchar required
  code varchar required unique
  entity link Entity
  sortOrder int
  default bool
ProductAttributeValue Values
  product link Product required
  attribute link Attribute required
  boolValue bool nullable
  dateValue date
  datetimeValue datetime
  intValue int
  intValue1 int
  floatValue float
  floatValue1 float
  varcharValue varchar multilang
  textValue text multilang
  referenceValue varchar maxLength=50
  jsonValue jsonObject
  together product_id attribute_id
"""

_OLD_ATTRIBUTES = """
Attribute Base owned texts=name,code
  name varchar required multilang
  code varchar unique
  type varchar required default=text
  attributeGroup link AttributeGroup.attributes
  attributeTab link AttributeTab.attributes
  extensibleEnum link ExtensibleEnum
  measure link Measure
  defaultUnit varchar
  defaultChannel link Channel
  isMultilang bool
  isRequired bool default=false
  pattern varchar
  amountOfDigitsAfterComma int min=0
  sortOrder int
  description text multilang
  data jsonObject
  productAttributeValues one ProductAttributeValue.attribute
  classificationAttributes one ClassificationAttribute.attribute
AttributeGroup Base owned texts=name,code
  name varchar required multilang
  code varchar unique
  sortOrder int
  attributes one Attribute.attributeGroup
AttributeTab Base texts=name,code
  name varchar required multilang
  code varchar
  sortOrder int
  attributes one Attribute.attributeTab
ProductAttributeValue Base owned
  product link Product.productAttributeValues required
  attribute link Attribute.productAttributeValues required
  channel link Channel notNull
  language varchar notNull default=main
  isRequired bool
  boolValue bool nullable
  dateValue date
  datetimeValue datetime
  intValue int
  intValue1 int
  floatValue float
  floatValue1 float
  varcharValue varchar
  textValue text
  referenceValue varchar maxLength=50
  value text notStorable
  valueFrom float notStorable
  valueTo float notStorable
  valueUnitId varchar notStorable
  valueId varchar notStorable
  together product_id attribute_id language channel_id
"""

_COLLECTED = """
ProductChannel Relation
  product link Product required
  channel link Channel required
  isActive bool
  together product_id channel_id
"""


def entity_lines(generation: Generation) -> str:
    """Return the built-in entities of a generation in the notation."""
    status = "productStatus" if generation.recorded else "status"
    product = _PRODUCT.format(sku=generation.sku, status=status)
    if generation.catalogs:
        catalogs = _PIM.replace(
            "  channels many Channel.categories",
            "  catalogs many Catalog.categories CatalogCategory noLoad\n  channels many Channel.categories",
        )
        parts = [product.rstrip("\n") + "\n" + _CATALOG_LINE, _CATALOG, catalogs, _OLD_ATTRIBUTES]
    else:
        rules = " required" if generation.attribute_code == "systemName" else ""
        parts = [product, _PIM, _ATTRIBUTES.format(code=generation.attribute_code, code_rules=rules)]
    job = QUEUE_ITEM if generation.queue == "QueueItem" else JOB
    locale = OLD_LOCALE if generation.labels_by_language else LOCALE
    saved = SAVED_SEARCH if generation.saved_searches else ""
    lines = "\n".join([*parts, _COLLECTED, _LISTS, FILES, SYSTEM, locale, saved, job])
    # 1.10 shows the way from the root as names by id and stores none.
    return lines.replace(" Hierarchy ", " Hierarchy unrouted ") if generation.catalogs else lines
