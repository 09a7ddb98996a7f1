-- Sends a copy of what arrives in Orthanc to preread: a side branch. Orthanc has stored the images before this script
-- hears of them, and nothing waits for preread.
--
-- orthanc.json: "LuaScripts": ["/etc/orthanc/autoroute.lua"], and a modality named as in TO (README.md beside this folder).

local TO = 'preread'       -- name in DicomModalities
local OURS = 'PREREAD'     -- AE title under which preread sends its reports back
local WHEN_STABLE = true   -- true: whole studies, once no instance has come for StableAge seconds; one association each.
                           -- false: each instance at once. Sooner, but a copy that fails is not sent again by itself.
local SENT = '1978'        -- user-defined metadata of a study: how many instances were sent

-- What no model reads. preread tolerates it, so this only saves traffic; it also keeps preread's own reports from
-- going round.
local NOT_SENT = { SR = true, PR = true, KO = true, SEG = true, DOC = true, AU = true, REG = true, RTSTRUCT = true }


function OnStoredInstance(instanceId, tags, metadata, origin)
  if WHEN_STABLE or NOT_SENT[tags['Modality']] then
    return
  end
  if origin['RequestOrigin'] == 'DicomProtocol' and origin['RemoteAet'] == OURS then
    return
  end
  SendToModality(instanceId, TO)
end


function OnStableStudy(studyId, tags, metadata)
  if not WHEN_STABLE then
    return
  end
  local series, instances = ImageSeries(studyId)
  -- The reports that come back make the study stable once more; the images are then the same as before.
  if instances == 0 or SentBefore(studyId) == tostring(instances) then
    return
  end
  for _, id in ipairs(series) do
    -- One job per series: an instance that preread refuses ends its job, and then costs no other series. Not
    -- "Permissive", because such a job is a success even if nothing arrived.
    local command = { Resources = { id }, Synchronous = false, Permissive = false }
    RestApiPost('/modalities/' .. TO .. '/store', DumpJson(command, true))
  end
  RestApiPut('/studies/' .. studyId .. '/metadata/' .. SENT, tostring(instances))
end


-- The series of a study that are sent, and how many instances they have.
function ImageSeries(studyId)
  local found, instances = {}, 0
  for _, one in ipairs(ParseJson(RestApiGet('/studies/' .. studyId .. '/series'))) do
    if not NOT_SENT[one['MainDicomTags']['Modality']] then
      table.insert(found, one['ID'])
      instances = instances + #one['Instances']
    end
  end
  return found, instances
end


function SentBefore(studyId)
  for _, name in ipairs(ParseJson(RestApiGet('/studies/' .. studyId .. '/metadata'))) do
    if name == SENT then
      return RestApiGet('/studies/' .. studyId .. '/metadata/' .. SENT)
    end
  end
end


-- Orthanc does not repeat a job that failed. This does, every LuaHeartBeatPeriod seconds (Orthanc 1.11.1 and newer), for
-- a day, among the JobsHistorySize newest jobs. What is sent twice is a duplicate to preread and does no harm.
function OnHeartBeat()
  local yesterday = os.date('!%Y%m%dT%H%M%S', os.time() - 24 * 60 * 60)
  for _, job in ipairs(ParseJson(RestApiGet('/jobs?expand'))) do
    if job['Type'] == 'DicomModalityStore' and job['State'] == 'Failure' and job['Content']['RemoteAet'] == OURS
        and job['CreationTime'] > yesterday then
      RestApiPost('/jobs/' .. job['ID'] .. '/resubmit', '')
    end
  end
end
