"""The entities around the catalogue: files, users, languages, jobs; in the notation of notation.py."""

FILES = """
File Base texts=name
  name varchar required notNull
  description text
  tags extensibleMultiEnum list=fileTags
  hidden bool
  mimeType varchar readOnly
  fileSize int readOnly
  fileMtime datetime readOnly
  hash varchar readOnly index
  path varchar readOnly
  thumbnailsPath text readOnly
  storage link Storage.files readOnly
  folder link Folder.files
  type link FileType.files
  width float readOnly measure=dimension
  height float readOnly measure=dimension
  colorSpace varchar readOnly
  products many Product.files ProductFile noLoad
  categories many Category.files CategoryFile noLoad
  brands many Brand.files BrandFile noLoad
  together name path storage_id
Folder Hierarchy texts=name,code
  name varchar required
  code varchar unique
  description text
  storage link Storage
  files one File.folder
FileType Base texts=name
  name varchar required
  extensions array
  mimeTypes array
  files one File.type
Storage Base texts=name
  name varchar required
  type enum options=local
  path varchar unique
  isActive bool
  files one File.storage
Sharing Base texts=name
  name varchar
  description text
  active bool default=true
  available bool notStorable
  file file required
  validTill datetime
  allowedUsage int
  used int readOnly
"""

SYSTEM = """
User Base texts=name,userName
  name varchar required
  userName varchar required unique
  firstName varchar
  lastName varchar
  emailAddress email
  isActive bool default=true
  isAdmin bool
Team Base texts=name
  name varchar required
EntityTeam Relation
  entityId varchar
  entityType varchar
  team link Team required
  together entity_id team_id entity_type
Language ReferenceData texts=name,code
  name varchar required
  code varchar required unique
  role enum required options=main,additional
"""

SAVED_SEARCH = """
SavedSearch Base texts=name
  name varchar required
  data jsonObject
  entityType varchar required
  userId varchar readOnly
  isPublic bool
"""

LOCALE = """
Locale ReferenceData texts=name,code
  name varchar required
  code varchar required unique
  languageCode varchar required
"""

OLD_LOCALE = """
Locale Base texts=name
  name varchar required
  language varchar required default=en_US
"""

JOB = """
Job Base texts=name
  name varchar required
  status enum default=Pending options=Pending,Running,Success,Failed,Canceled,Awaiting
  message text
  pid int
  executeTime datetime
  startedAt datetime
  endedAt datetime
  priority int default=100
  type varchar
  payload jsonObject
  ownerUser link User
"""

QUEUE_ITEM = """
QueueItem Base owned texts=name
  name varchar required
  serviceName varchar
  stream int
  data jsonObject
  sortOrder float
  priority enum default=Normal options=Low,Normal,Crucial,High
  pid varchar
  md5Hash varchar
  status enum default=Pending options=Pending,Running,Success,Failed,Canceled
  message text
  parent link QueueItem
"""
